"""The windows: every moment around a scale-out at which an operator may die, each with the way to bring it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Any

from tests.support.apiproxy import Request, When
from tests.support.stage import operation
from tests.torture.real_lane import Gone, Lane, Window, takes_lease
from tests.torture.real_oracle import journal

At = Callable[[Lane], AbstractContextManager[Gone]]
Chooses = Callable[[Request], bool]

REST = frozenset({"", "Succeeded"})
ANY = REST | {"Requesting", "Unconfirmed", "Running", "Verifying", "Rejected"}
BOTH: list[When] = ["before", "after"]


def stores(phase: str) -> Chooses:
    """A status write that puts the journal into a phase; Running only with the job's id."""

    def chooses(request: Request) -> bool:
        found: dict[str, Any] = operation(request.body) if request.path.endswith("/status") else {}
        return found.get("phase") == phase and (phase != "Running" or bool(found.get("jobId")))

    return chooses


def writes_lease(request: Request) -> bool:
    return request.method == "PUT" and "/leases/" in request.path


def lists_objects(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("/ddminstances") and not request.watches


def write(phase: str, when: When | None = None, *, late: bool = False) -> At:
    """While that write is held; ``when`` None draws it."""

    @contextmanager
    def at(lane: Lane) -> Iterator[Gone]:
        moment = when if when is not None else lane.chance.choice(BOTH)
        with lane.proxy.hold(stores(phase), moment, outlives=late) as hold:
            lane.grow()
            lane.until(hold.held, f"{phase} is written")
            yield hold.gone
            if late:
                hold.release()
                hold.wait_through()

    return at


def call(when: When) -> At:
    """While the cloud holds the call; what it has not executed when its caller dies it never executes."""

    @contextmanager
    def at(lane: Lane) -> Iterator[Gone]:
        with lane.cloud_hold("enlarge", when) as hold:
            lane.grow()
            lane.until(lambda: bool(hold.held()), "the call is received")
            yield lambda: lane.ledger()[-1]["ending"] == "reset"

    return at


SLOW_CLOUD = {"ASSUMED_EXECUTION_DELAY": "7", "SETTLE": "11"}
"""For a cloud that executes a call so late that the successor looks and sees nothing yet."""


@contextmanager
def executed_late(lane: Lane) -> Iterator[Gone]:
    """While the cloud has the call in its own queue: it executes it, whatever became of the caller."""
    instance, seconds = lane.stage.project.instance_id, lane.chance.choice([0.5, 6.5])
    lane.stage.cloud.fault("late", route="enlarge", instance=instance, count=1, seconds=seconds)
    # A second call, were there one, would have ended by then: while it runs, the cloud refuses the late one.
    lane.stage.cloud.settings(job_seconds=0.3, settle_gaps=[0.0])
    with call("after")(lane) as gone:
        yield gone


def poll(route: str, following: str) -> At:
    """While a question of the next look is held, asked after the journal was put into a phase."""

    @contextmanager
    def at(lane: Lane) -> Iterator[Gone]:
        with lane.proxy.hold(stores(following), "after") as written:
            lane.grow()
            lane.until(written.held, f"{following} is written")
            with lane.cloud_hold(route, lane.chance.choice(BOTH)) as hold:
                written.release()
                lane.until(lambda: bool(hold.held()), f"{route} is asked for")
                yield lambda: True

    return at


@contextmanager
def poll_one_job(lane: Lane) -> Iterator[Gone]:
    """While the operator asks for its job by id, because no list shows it."""
    key = lane.stage.cloud.fault("job-missing", project=lane.stage.project.project_id)
    try:
        with poll("job", "Running")(lane) as gone:
            yield gone
    finally:
        lane.stage.cloud.remove_fault(key)


@contextmanager
def poll_at_rest(lane: Lane) -> Iterator[Gone]:
    with lane.cloud_hold("instances", lane.chance.choice(BOTH)) as hold:
        lane.until(lambda: bool(hold.held()), "the instances are listed")
        yield lambda: True


@contextmanager
def planning(lane: Lane) -> Iterator[Gone]:
    """While one of the fresh reads before an intent is held."""
    asked = lane.chance.choice(["instance", "groups", "jobs", "flavors", "databases"])
    with lane.cloud_hold(asked, lane.chance.choice(BOTH)) as held:
        lane.grow()
        lane.until(lambda: bool(held.held()), f"{asked} is asked for")
        yield lambda: True


@contextmanager
def running(lane: Lane) -> Iterator[Gone]:
    """Once the journal has the job's id; nothing is held."""
    since = len(lane.proxy.writes)
    lane.grow()
    lane.until(lambda: _ran(lane, since), "the job runs")
    yield lambda: True


@contextmanager
def between_renewals(lane: Lane) -> Iterator[Gone]:
    with running(lane) as gone:
        since = len(lane.proxy.writes)
        lane.until(lambda: any(map(takes_lease, lane.proxy.writes[since:])), "the lease is renewed")
        yield gone


@contextmanager
def renewal(lane: Lane) -> Iterator[Gone]:
    with running(lane), lane.proxy.hold(writes_lease, lane.chance.choice(BOTH)) as hold:
        lane.until(hold.held, "the lease is renewed")
        yield hold.gone


@contextmanager
def any_moment(lane: Lane) -> Iterator[Gone]:
    lane.grow()
    lane.linger(most=3.0)
    yield lambda: True


@contextmanager
def at_rest(lane: Lane) -> Iterator[Gone]:
    lane.until_ready()
    yield lambda: True


@contextmanager
def starting(lane: Lane) -> Iterator[Gone]:
    """While a successor comes up: it takes the Lease, or lists the objects."""
    with lane.proxy.hold(lane.chance.choice([writes_lease, lists_objects]), lane.chance.choice(BOTH)) as hold:
        lane.start()
        lane.until(hold.held, "the successor comes up")
        yield hold.gone


def successor(first: Window, phase: str) -> At:
    """While the successor of one that died in a window writes what it found out."""

    @contextmanager
    def at(lane: Lane) -> Iterator[Gone]:
        lane.die_in(first).close()
        with lane.proxy.hold(stores(phase), lane.chance.choice(BOTH)) as hold:
            lane.start()
            lane.until(hold.held, f"the successor writes {phase}")
            yield hold.gone

    return at


def _ran(lane: Lane, since: int) -> bool:
    return any(found["phase"] == "Running" and found.get("jobId") for found in journal(lane.proxy.writes[since:]))


def _window(name: str, text: str, at: At, *left: str, pace: Mapping[str, str] = MappingProxyType({})) -> Window:
    return Window(name, text, at, frozenset(left) or REST, pace=pace)


def _late(name: str, text: str, phase: str, *left: str) -> Window:
    text = f"{text} arrives after its sender's death"
    return Window(name, text, write(phase, "before", late=True), frozenset(left) or REST, late=True)


RECEIVED = _window("call-received", "enlarge received, never executed", call("before"), "Requesting")
STORED = _window("intent-after", "intent stored, unanswered", write("Requesting", "after"), "Requesting")
EXECUTED = _window("call-executed", "enlarge executed, unanswered", call("after"), "Requesting")
UNSURE = ("Requesting", "Unconfirmed")

WINDOWS = (
    _window("planning", "during the fresh reads before the intent", planning),
    _window("intent-before", "before the intent leaves", write("Requesting", "before")),
    _late("intent-late", "the intent", "Requesting"),
    STORED,
    RECEIVED,
    _window("call-late", "enlarge received, executed seconds later", executed_late, "Requesting", pace=SLOW_CLOUD),
    EXECUTED,
    _window("answer-before", "answered, not yet stored", write("Running", "before"), "Requesting"),
    _late("answer-late", "the write of the answer", "Running", "Requesting"),
    _window("answer-after", "jobId stored, unanswered", write("Running", "after"), "Running"),
    _window("poll-jobs", "poll: list of jobs", poll("jobs", "Running"), "Running"),
    _window("poll-job", "poll: one job by its id", poll_one_job, "Running"),
    _window("poll-instance", "poll: the instance", poll("instance", "Running"), "Running"),
    _window("poll-groups", "poll: its groups", poll("groups", "Running"), "Running"),
    _window("poll-rest", "poll at rest: list of instances", poll_at_rest),
    _window("verifying", "the write with which verification begins", write("Verifying"), "Running", "Verifying"),
    _window("verify-instance", "verification: the instance", poll("instance", "Verifying"), "Verifying"),
    _window("verify-groups", "verification: its groups", poll("groups", "Verifying"), "Verifying"),
    _window("final-before", "before the final write leaves", write("Succeeded", "before"), "Verifying"),
    _late("final-late", "the final write", "Succeeded", "Verifying"),
    _window("final-after", "final write stored, unanswered", write("Succeeded", "after"), "Succeeded"),
    _window("lease-between", "between two renewals of the Lease", between_renewals, *ANY),
    _window("lease-renewal", "during a renewal of the Lease", renewal, *ANY),
    _window("unsure", "its successor writes that the outcome is open", successor(RECEIVED, "Unconfirmed"), *UNSURE),
    _window("found", "its successor writes the job that it found", successor(EXECUTED, "Running"), *UNSURE, "Running"),
    _window(
        "never",
        "its successor writes that nothing was executed",
        successor(STORED, "Rejected"),
        "Unconfirmed",
        "Rejected",
    ),
    _window("any", "at any moment within 3 s of the change", any_moment, *ANY),
)

STARTING = _window("starting", "its successor comes up", starting, *ANY)
STORM = _window("storm", "at any moment, again and again, two operators without a Lease", any_moment, *ANY)
RUNNING = _window("running", "the job runs", running)
RESTING = _window("rest", "at rest, then the spec changes", at_rest)

ALL = (*WINDOWS, STARTING, STORM, RUNNING, RESTING)
BY_NAME = {window.name: window for window in ALL}
