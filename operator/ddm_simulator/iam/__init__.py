"""IAM: who calls, and what for."""
