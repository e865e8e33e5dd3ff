"""Load on a Service, and its report."""
