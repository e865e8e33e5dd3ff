"""How new versions are rolled out: Argo Rollouts, the notes' example, and the canary of the shop's delivery."""
