"""Platforms: `base` is their interface, every other module one of them or a part of one."""
