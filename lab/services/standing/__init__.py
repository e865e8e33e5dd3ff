"""Whether a lab stands: what its stack declared against what there is, and its mending."""
