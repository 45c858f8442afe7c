"""Any case at all, well typed, but mostly nearly healthy: what the properties of the domain are tried on.

A case is built sound and then disturbed in few places, or hardly any would come as far as a begin.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Case, Observed
from ddm_operator.domain.model import DataNode, Flavor, Job, Node, Operation, Phase, Schema
from tests.support.cases import CODE, FLAVOR, GROUP, JOB, LONG, NOW, OTHER_GROUP, case, desired, observed
from tests.support.cases import operation as scale_out
from tests.support.cases import rival as another

T = TypeVar("T")

STATUSES = ["GROWING", "REDUCING", "BACKUP", "FROZEN", "ERROR", "POLISHING", "running", ""]
NODE_STATUSES = ["RUNNING", "creating", "abnormal", "enlargefail", ""]
PHASES = [*Phase, *Phase, *Phase, "Draining", ""]
CLOSING = [reasons.NOT_SENT, reasons.NEVER_EXECUTED, reasons.RESOLVED, reasons.JOB_FAILED, reasons.PARTIAL]
REASONS = ["", *CLOSING, *[reasons.OUTCOME_UNKNOWN] * 20]
AGE = st.sampled_from([0.0, 59.0, 60.0, 179.0, 180.0, LONG, 1e6]) | st.floats(0, LONG)


def mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """The usual value about fifteen times of sixteen."""
    return st.sampled_from((*(usual,) * 15 * len(others), *others))


@st.composite
def members(draw: st.DrawFn) -> tuple[Node, ...]:
    """Up to 34 nodes in one or two groups; most often all are healthy."""
    first, second = draw(mostly(2, 0, 1, 3, 4, 5, 31, 34) | st.integers(1, 6)), draw(mostly(0, 1, 2, 26))
    sound = [Node(f"n{n}", GROUP if n < first else OTHER_GROUP, "normal") for n in range(first + second)]
    for index in draw(mostly((), (0,), (first + second - 1,), (0, 1))):
        if 0 <= index < len(sound):
            sound[index] = replace(sound[index], status=draw(st.sampled_from(NODE_STATUSES)))
    return tuple(sound)


@st.composite
def some_jobs(draw: st.DrawFn) -> tuple[Job, ...]:
    """Scaling jobs of the instance, up to three."""
    names = st.sampled_from(["EnlargeNode", "EnlargeNode", "ReduceNode"])
    statuses = st.sampled_from(["Running", "Completed", "Failed", "Polishing"])
    percents = st.none() | st.integers(0, 100)
    found = draw(st.lists(st.sampled_from([JOB, "j2", "j3"]), unique=True))
    return tuple(Job(key, draw(names), draw(statuses), "i", draw(percents), "", draw(st.none() | AGE)) for key in found)


@st.composite
def journals(draw: st.DrawFn) -> Operation:
    """Any entry of the journal, also of a kind and a phase that this version does not know."""
    return scale_out(
        draw(st.sampled_from(PHASES)),
        type=draw(mostly("ScaleOut", "ScaleIn", "")),
        group_id=draw(mostly(GROUP, OTHER_GROUP, "x")),
        job_id=draw(st.sampled_from(["", JOB])),
        order_id=draw(mostly("", "CS1")),
        from_nodes=draw(mostly(2, 1, None)),
        to_nodes=draw(st.none() | st.integers(1, 8) | st.integers(1, 32)),
        attempt=draw(st.integers(0, 5)),
        reason=draw(st.sampled_from([*REASONS, *sorted(reasons.CONDITION_REASONS)])),
        generation=draw(st.sampled_from([6, 7])),
        baseline_node_ids=draw(st.sampled_from([(), ("n0", "n1"), ("gone",)])),
        baseline_job_ids=draw(mostly((), (JOB,), ("j2", "j3"))),
        final_node_ids=draw(mostly((), ("n0", "n1"), ("n0", "gone"))),
        progress_percent=draw(st.none() | st.integers(0, 100)),
        deadline_time=draw(st.sampled_from([None, NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)])),
        request_time=draw(st.sampled_from([None, NOW - timedelta(hours=3), NOW, NOW + timedelta(hours=3)])),
    )


@st.composite
def views(draw: st.DrawFn) -> Observed:
    """A look at the cloud: complete or not, agreeing with itself or not."""
    schemas = (Schema("orders", draw(mostly("RUNNING", "EXPANDING")), (DataNode("r1", "rds", "normal"),)),)
    flavors = (Flavor(FLAVOR, CODE, {"cn-north-4a": draw(mostly("normal", "sellout")), "cn-north-4b": "sellout"}),)
    row: dict[str, Any] = {"order_id": draw(mostly("", "CS1")), "flavor": draw(mostly(CODE, "ddm.other"))}
    status = draw(mostly("RUNNING", *STATUSES))
    seen = observed(draw(members()), status, draw(some_jobs()), schemas=schemas, flavors=flavors, **row)
    if draw(mostly(1, 0)):
        return seen
    unasked: dict[str, Any] = dict.fromkeys(
        draw(st.sets(st.sampled_from(["nodes", "groups", "jobs", "schemas", "flavors", "row"])))
    )
    return replace(seen, complete=False, **unasked)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One object at one moment."""
    wish = desired(
        draw(mostly(4, None, 5, 30, 32) | st.integers(2, 8)),
        paused=draw(mostly(0, 1)) == 1,
        group_id=draw(mostly(GROUP, None, OTHER_GROUP, "x")),
        flavor_id=draw(mostly(None, FLAVOR, "nonsense")),
        reconcile_requested_at=draw(mostly("", "now")),
        resolve=draw(st.sampled_from([*[""] * 8, "op-1=retry", "op-1=abandon", "op-2=retry", "nonsense"])),
    )
    ages = draw(st.builds(Ages, AGE, AGE, AGE, AGE, AGE, st.dictionaries(st.sampled_from([JOB, "j2"]), AGE)))
    journal = draw(journals() | st.none())
    others = draw(mostly((), (another(),), (another(seen=False),), (another("2027-01-01T00:00:00Z"),)))
    given = case(wish, draw(views()), journal, ages, rivals=others, never_sent=draw(mostly(0, 1)) == 1)
    past = draw(mostly((), (scale_out(Phase.SUCCEEDED, id="op-0", job_id="j3"),)))
    handled = draw(mostly("", "op-1=retry"))
    return replace(given, status=replace(given.status, history=past, last_handled_resolve=handled))
