"""Errors, paths, versions, manifests and waiting: what everything else in `lab` builds on."""
