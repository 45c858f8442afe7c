"""The DDM API: one function an endpoint, grouped by what they are about."""
