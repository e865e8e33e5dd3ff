"""Traffic management: weights, headers, timeouts, retries, circuit breakers."""
