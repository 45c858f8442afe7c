"""A real Kubernetes API server without a cluster, for the demo, the tests and the benchmarks.

It needs nothing but the standard library, so that it works before anything is installed. `README.md` beside this file
tells how it works.
"""

from devcluster.errors import DevclusterError
from devcluster.process import ControlPlane

__all__ = ["ControlPlane", "DevclusterError"]
