"""What every test may use."""

from hypothesis import settings

settings.register_profile("shared-machine", deadline=None, derandomize=True)
settings.load_profile("shared-machine")

pytest_plugins = [
    "tests.support.controlplane",
    "tests.support.simulator",
    "tests.support.stage",
    "tests.support.clouds",
    "tests.support.promtool",
]
