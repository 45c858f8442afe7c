"""What every test may use."""

pytest_plugins = ["tests.support.controlplane", "tests.support.simulator", "tests.support.stage"]
