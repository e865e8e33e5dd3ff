"""The comparison of a stack with what exists, and its repair."""
