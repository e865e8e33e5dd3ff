"""What somebody changed by hand in the cluster, told from what controllers own: `lab drift`."""
