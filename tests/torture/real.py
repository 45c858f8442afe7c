"""The proof by kill -9: operators die in every window around a call that costs money, and nothing is doubled or lost.

An API server, a simulated cloud and operators as processes, with a proxy between that stops a request before or after
it went through. Not part of ``make test``, for it takes its time: ``make torture-real`` runs it and ends with a table.
``TORTURE_ROUNDS`` and ``TORTURE_LANES`` make it shorter or longer, ``-k`` chooses windows.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.support.apiproxy import ApiProxy
from tests.support.stage import Stage
from tests.torture.real_death import DEATHS, RESTARTS
from tests.torture.real_lane import LEASE_SECONDS, Lane, Window
from tests.torture.real_windows import BY_NAME, STARTING, STORM, WINDOWS
from tests.torture.real_world import World, start_world

pytest_plugins = ["tests.torture.real_report"]
pytestmark = pytest.mark.timeout(1800)

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "4"))
"""Deaths in a window that follow one another on one instance, which has room for 32 nodes."""

LANES = int(os.environ.get("TORTURE_LANES", "2"))
"""Instances for each window; each draws differently."""

MOST_BEHIND = 2
"""Nodes that may be missing when up to three more are declared, twice: a step of more than eight is refused."""

MakeLane = Callable[..., Lane]
USUAL: Mapping[str, str] = {}


@pytest.fixture
def make_lane(record_property: Callable[[str, object], None]) -> Iterator[MakeLane]:
    """Makes lanes; what died in them goes into the report, whatever becomes of the test."""
    with ExitStack() as parts:

        def make(stage: Stage, seed: str, lease: float | None = LEASE_SECONDS, pace: Mapping[str, str] = USUAL) -> Lane:
            proxy = parts.enter_context(ApiProxy(stage.connection.server, Path(stage.connection.ca_file)))
            parts.callback(stage.close)  # before the proxy ends: who lives would meet nobody
            lane = Lane(stage, proxy, seed, lease, pace)
            record_property(DEATHS, lane.deaths)
            record_property(RESTARTS, lane.restarts)
            return lane

        yield make


@pytest.fixture
def varied(stage: Stage) -> Iterator[Stage]:
    """A stage whose cloud gets its usual pace back, for the worker's next test has it too."""
    usual = stage.cloud.settings()
    yield stage
    stage.cloud.settings(**usual)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Servers of the test's own, for it kills them."""
    with start_world(tmp_path) as world:
        yield world


ARRIVALS = ["before the restart", "while the successor leads", "when all is done"]
"""When a write arrives that the network has kept."""


@pytest.mark.parametrize("number", range(LANES))
@pytest.mark.parametrize("window", WINDOWS, ids=[window.name for window in WINDOWS])
def test_killed(varied: Stage, make_lane: MakeLane, window: Window, number: int) -> None:
    lane = make_lane(varied, f"{window.name} {number}", pace=window.pace)
    for _ in range(ROUNDS):
        lane.vary()
        arrives = lane.chance.choice(ARRIVALS) if window.late else ""
        with lane.die_in(window) as kept:
            if arrives == ARRIVALS[0]:
                kept.close()
            if lane.ready() or lane.chance.random() < 1 / 3:
                lane.grow()
            if lane.chance.random() < 1 / 10:
                lane.die_in(STARTING)
            with lane.recovery():
                lane.start()
                if arrives == ARRIVALS[1]:
                    lane.until_led()
                    kept.close()
        lane.judge()


@pytest.mark.parametrize("number", range(LANES))
def test_killed_again_and_again(varied: Stage, make_lane: MakeLane, number: int) -> None:
    """Two at a time and no Lease between them; hardly one lives long enough to end what it began."""
    lane = make_lane(varied, f"again and again {number}", lease=None)
    for _ in range(3 * ROUNDS):
        lane.vary()
        if lane.chance.random() < 1 / 2 and lane.nodes - lane.stage.nodes() <= MOST_BEHIND:
            lane.grow()
        alive = [lane.operator, lane.start()]
        lane.linger(most=3.0)
        alive.pop(lane.chance.randrange(2)).kill()
        lane.operator = alive[0]
        lane.note("Kill -9 of the operator", STORM)
    with lane.recovery():
        lane.grow()


FROZEN = ["planning", "intent-before", "intent-after", "call-received", "call-executed", "answer-before"]
FROZEN += ["poll-jobs", "verify-instance", "final-before", "rest"]


@pytest.mark.parametrize("wakes", ["at once", "when all is done"])
@pytest.mark.parametrize("name", FROZEN)
def test_frozen_while_another_takes_over(varied: Stage, make_lane: MakeLane, name: str, wakes: str) -> None:
    """What a stale leader was about to do when it froze, it does not do when it wakes up.

    It wakes as soon as another leads, when nothing but the look at the clock keeps it from going on, or when the other
    has done all the work and its own time-outs have passed as well. The two have different credentials, so the ledger
    tells who calls.
    """
    window = BY_NAME[name]
    lane = make_lane(varied, f"frozen {name} {wakes}")
    for credential in (varied.user, varied.key):
        lane.vary()
        first = lane.operator
        if wakes == "at once":
            lane.start(**credential).await_line("Standing by")
        with ExitStack() as held:
            held.enter_context(window.at(lane))
            lane.linger()
            first.signal(signal.SIGSTOP)
            lane.note("SIGSTOP to the operator while another takes over, then SIGCONT", window)
            received = len(lane.ledger())
            # A call that the cloud executes after a settle period would break what is assumed of it.
            if wakes == "at once" or name == "call-received" or lane.chance.random() < 1 / 2:
                held.close()
            with lane.recovery():
                if wakes != "at once":
                    lane.start(**credential)
                lane.until_led()
                if wakes == "at once":
                    first.signal(signal.SIGCONT)
                if lane.ready():
                    lane.grow()
        first.signal(signal.SIGCONT)
        assert first.wait() == 1
        assert "The lease is lost" in first.text
        signs = [varied.project.access_key in entry["caller"] for entry in lane.ledger()[received:]]
        assert set(signs) <= {credential == varied.key}, "the stale one has called"
        lane.judge()


OUTAGES = ["planning", "intent-after", "call-received", "call-executed", "answer-before", "running", "verify-instance"]
OUTAGES += ["final-before", "final-after", "rest"]


@pytest.mark.parametrize("number", range(2 * LANES))
@pytest.mark.parametrize("killed", ["API server", "simulator", "API server, simulator and operator"])
def test_servers_are_killed(world: World, make_lane: MakeLane, killed: str, number: int) -> None:
    """Half of the windows, with a Lease that outlives the API server's absence or with one that does not."""
    outlives = number % 4 > 1 and "operator" not in killed
    lane = make_lane(world.stage, f"{killed} {number}", lease=4 * LEASE_SECONDS if outlives else LEASE_SECONDS)
    servers = [server for server in ("API server", "simulator") if server in killed]
    for name in OUTAGES[number % 2 :: 2]:
        lane.vary()
        window = BY_NAME[name]
        with window.at(lane):
            lane.linger()
            if "operator" in killed:
                lane.operator.kill()
            for server in servers:
                world.kill(server)
            lane.note(f"Kill -9 of the {killed}", window)
        lane.linger(most=1.0)
        with lane.recovery():
            restarts: list[Callable[[], object]] = [partial(world.restart, server) for server in servers]
            restarts += [lane.start] if "operator" in killed else []
            for restart in lane.chance.sample(restarts, len(restarts)):
                restart()
            if lane.ready():
                lane.grow()
        lane.judge()
