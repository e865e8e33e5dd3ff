"""Metrics, dashboards, the service graph, traces and logs of the mesh; one addon a file."""
