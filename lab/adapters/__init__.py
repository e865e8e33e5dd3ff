"""Doors to other programs, files and servers."""
