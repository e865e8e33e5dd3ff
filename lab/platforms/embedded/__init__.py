"""A real Kubernetes control plane on this machine, with simulated nodes, and the real istiod beside it.

Everything listens on loopback only and lives in one folder: `paths.stack_dir(stack)`.
"""
