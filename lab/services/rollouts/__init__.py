"""Rollouts: how far a new version is, why it stands there, and what to do next."""
