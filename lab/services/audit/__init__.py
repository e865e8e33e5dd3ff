"""Prove that nothing is left of a destroyed lab."""
