"""Stages of the pipelines, one implementation for every host."""
