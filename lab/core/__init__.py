"""Types and helpers that know nothing of the lab."""
