"""What every test may use."""

from hypothesis import settings

settings.register_profile("shared-machine", deadline=None, derandomize=True)
settings.load_profile("shared-machine")

pytest_plugins = [
    "tests.support.controlplane",
    "tests.support.simulator",
    "tests.support.stage",
    "tests.support.clouds",
    "tests.support.helm",
    "tests.support.monitoring",
    "tests.support.installed",
    "tests.support.rights",
    "tests.support.goprograms",
    "tests.support.promtool",
    "tests.support.signals",
    "tests.support.hush",
    "tests.support.image",
]
