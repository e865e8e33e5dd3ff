"""What the lab does on Azure beside the Pulumi program: looking before it starts, stopping and starting the cluster.

Everything goes through the user's own Azure CLI, so that there is one login and one subscription.
"""
