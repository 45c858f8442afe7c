"""The cloud's side of the operator: the only place that speaks HTTP to it."""
