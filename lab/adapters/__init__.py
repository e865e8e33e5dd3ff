"""Doors to the outside: processes, clusters, Pulumi, files and the web."""
