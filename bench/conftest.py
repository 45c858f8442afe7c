"""What every measurement may use: the tests' API server and simulated cloud."""

from tests.conftest import pytest_plugins

__all__ = ["pytest_plugins"]
