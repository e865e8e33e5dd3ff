"""What watches the mesh: metrics, dashboards, the picture of the mesh, traces and logs; one addon a file."""
