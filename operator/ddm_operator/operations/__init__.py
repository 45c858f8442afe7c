"""Long-running changes of an instance, one file each, behind the same four verbs."""
