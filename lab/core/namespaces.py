"""Names of the course's own namespaces."""

ISTIO_SYSTEM = "istio-system"
TUTORIAL = "tutorial"
SHOP = "shop"
ARGO_ROLLOUTS = "argo-rollouts"
