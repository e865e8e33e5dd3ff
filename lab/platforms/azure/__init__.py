"""Azure outside the Pulumi program: checks before an update, and stopping and starting the cluster.

Everything goes through the user's own Azure CLI, so that there is one login and one subscription.
"""
