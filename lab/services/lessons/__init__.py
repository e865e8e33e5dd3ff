"""Exercises of the course, each a state of a stack's settings."""
