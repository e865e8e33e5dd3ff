"""Pulumi components, one concept a file. Each is given what it needs; none reads configuration."""
