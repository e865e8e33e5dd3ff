"""The stages of the pipelines: one implementation for every host that runs them."""
