"""Progressive delivery: Argo Rollouts, the handout's example, and the canary of the shop's delivery."""
