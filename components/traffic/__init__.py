"""What the mesh does with requests: the course's lessons on weights, headers, time-outs, retries, circuit breakers."""
