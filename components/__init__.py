"""Pulumi components of the lab. Each gets its arguments; none reads configuration."""
