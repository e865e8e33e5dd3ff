"""Whether a lesson is solved, by live evidence: `lab check`."""
