"""How long nobody works when the leader is killed, when it is stopped, and while an update is rolled out, in seconds.

Runs as a test of its own so that it has the tests' API server and simulated cloud: ``pytest bench/failover.py -s``.
The Lease has its default times. What is measured is what a user sees: from a request to look again, made at the moment
of the end, until the status says that it was done.
"""

from __future__ import annotations

import itertools
import signal
import statistics
import threading
import time

import pytest

from tests.e2e.test_living_with_it import probes
from tests.support.process import Process
from tests.support.stage import Stage

ROUNDS = 10
ROLLS = 5
REQUEST = "ddm.huaweicloud.com/reconcile-requested-at"
NUMBERS = itertools.count()

pytestmark = pytest.mark.timeout(900)


def replica(stage: Stage) -> Process:
    """One more, with the Lease's default times and the cadence of the tests."""
    return stage.start(DDM_LEASE_DURATION_SECONDS="15")


def standing_by(stage: Stage) -> Process:
    """One more that waits for the Lease."""
    operator = replica(stage)
    operator.await_line("Standing by")
    return operator


def ask(stage: Stage) -> str:
    """Request a look; what the status says when it was done."""
    number = f"request-{next(NUMBERS)}"
    stage.api.patch(stage.objects.path("orders"), {"metadata": {"annotations": {REQUEST: number}}})
    return number


def done(stage: Stage, number: str) -> None:
    """Wait until a requested look was done."""
    stage.until(lambda body: body.get("status", {}).get("lastHandledReconcileAt") == number, timeout=60)


def asked(stage: Stage) -> float:
    """Seconds from a request to look until it was done."""
    began = time.monotonic()
    done(stage, ask(stage))
    return time.monotonic() - began


def told(what: str, times: list[float], promised: float) -> None:
    """Print a line."""
    print(
        f"\n{what}: median {statistics.median(times):.2f} s, worst {max(times):.2f} s of {len(times)} "
        f"(at most {promised:g} s is promised)"
    )


@pytest.mark.parametrize(
    ("how", "promised"), [(signal.SIGKILL, 20.0), (signal.SIGTERM, 3.0)], ids=["killed", "stopped"]
)
def test_the_other_goes_on(stage: Stage, how: signal.Signals, promised: float) -> None:
    """End the leader; every time with a standby that has been there for a while."""
    stage.declare(2)
    leader = replica(stage)
    stage.until_ready(2)
    times = []
    for number in range(ROUNDS):
        standby = standing_by(stage)
        asked(stage)
        time.sleep(number * 0.37 % 2)  # another moment between two renewals every time
        leader.signal(how)
        times.append(asked(stage))
        leader.wait()
        leader = standby
    told(f"the leader is {'killed' if how is signal.SIGKILL else 'stopped'}, the other acts", times, promised)


def test_the_other_goes_on_although_a_question_hangs(stage: Stage) -> None:
    """Stop the leader while it waits for an answer of the cloud that does not come."""
    stage.declare(2)
    leader = replica(stage)
    stage.until_ready(2)
    times = []
    for _ in range(ROUNDS):
        standby = standing_by(stage)
        asked(stage)
        with stage.cloud.hold("instance", "before", stage.project.instance_id) as hold:
            number = ask(stage)
            hold.wait()
            began = time.monotonic()
            leader.signal(signal.SIGTERM)
            done(stage, number)
            times.append(time.monotonic() - began)
        leader.wait()
        leader = standby
    told("the leader is stopped while a question hangs, the other acts", times, 3.0)


def test_a_rolling_update(stage: Stage) -> None:
    """Replace two replicas one after the other, as a Deployment does that may have one more, and none less."""
    stage.declare(2)
    running = [replica(stage)]
    stage.until_ready(2)
    running.append(standing_by(stage))
    gaps: list[float] = []
    ended = threading.Event()
    failures: list[BaseException] = []

    def go_on_asking() -> None:
        while not ended.is_set():
            try:
                gaps.append(asked(stage))
            except BaseException as error:  # noqa: BLE001  # it is raised in the test's own thread
                failures.append(error)
                return

    asking = threading.Thread(target=go_on_asking)
    asking.start()
    rolls = []
    for _ in range(ROLLS * 2):
        fresh = replica(stage)
        probes(fresh)
        fresh.await_line("Standing by|Leading")
        before = len(gaps)
        old = running.pop(0)
        assert old.stop() == 0
        running.append(fresh)
        reached = len(gaps)
        while len(gaps) < reached + 2 and not failures:
            time.sleep(0.05)
        rolls.append(max(gaps[before:]))
    ended.set()
    asking.join()
    assert not failures, failures
    told(f"a replica is replaced, {len(gaps)} requests meanwhile, the longest of each", rolls, 3.0)
