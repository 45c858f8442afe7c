"""The demo: a scale-out on a real API server against the simulated cloud, then the same with the operator killed."""
