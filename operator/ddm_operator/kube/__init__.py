"""The cluster's side of the operator: the only place that knows the Kubernetes client."""
