"""How long an orderly stop takes when nothing is under way: median and slowest of some, in seconds.

Runs as a test of its own so that it has the tests' API server and simulated cloud: ``pytest bench/stopping.py -s``.
"""

from __future__ import annotations

import statistics
import time

from bench.subjects import WATCHING
from tests.support.stage import Stage

ROUNDS = 10


def test_stopping(stage: Stage) -> None:
    """Start, wait until Ready, stop; every time anew."""
    stage.declare(2)
    times = []
    for _ in range(ROUNDS):
        operator = stage.start()
        stage.until_ready(2)
        operator.await_line(WATCHING)
        began = time.monotonic()
        assert operator.stop() == 0
        times.append(time.monotonic() - began)
    print(
        f"\norderly stop: median {statistics.median(times):.2f} s, slowest {max(times):.2f} s (at most 5 s is promised)"
    )
