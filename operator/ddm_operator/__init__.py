"""A Kubernetes operator that scales Huawei Cloud DDM instances out, exactly once per declared change."""
