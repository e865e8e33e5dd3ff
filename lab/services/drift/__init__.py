"""Tell manual changes in the cluster from what controllers own."""
