"""What a process remembers of each instance's operations, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from weakref import ref

import pytest

from ddm_operator.domain.model import Operation, Phase, Resource, Status
from ddm_operator.engine.chorus import Chorus
from ddm_operator.engine.journal import Journal
from ddm_operator.engine.memory import Memory
from ddm_operator.engine.write_pace import DEFAULT, WritePace
from ddm_operator.errors import ConflictError
from ddm_operator.kube.store import Store
from tests.support.cases import LIMITS, NOW, desired, operation
from tests.support.skipping import Quiet

SETTLE = LIMITS.settle
OPEN = (Phase.REQUESTING, Phase.UNCONFIRMED, Phase.RUNNING, Phase.VERIFYING, "Draining")
CLOSED = (Phase.SUCCEEDED, Phase.FAILED, Phase.REJECTED, Phase.ABANDONED)


class Clock:
    time = 1000.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(clock, LIMITS)


def stored(journal: Operation | None = None, uid: str = "uid-1", **wish: Any) -> Resource:
    return Resource(desired(uid=uid, **wish), Status(operation=journal), "1")


@pytest.mark.parametrize("phase", OPEN)
@pytest.mark.parametrize("found", [stored(), stored(uid="uid-2"), stored(uid="uid-2", name="younger")])
def test_an_open_operation_belongs_to_whatever_object_is_left(
    memory: Memory, clock: Clock, phase: str, found: Resource
) -> None:
    """A status that was wiped, an object made anew, a younger object whose elder was deleted."""
    journal = operation(phase)
    memory.note(stored(journal))
    clock.time += 100 * SETTLE
    assert memory.lost(found, ()) == journal


def test_what_is_known_last_of_an_operation_counts(memory: Memory) -> None:
    memory.note(stored(operation(Phase.REQUESTING)))
    memory.note(stored(operation(Phase.RUNNING)))
    memory.note(stored())
    assert memory.lost(stored(), ()) == operation(Phase.RUNNING)


def test_what_an_object_that_is_there_had_is_for_that_one_to_get_back(memory: Memory) -> None:
    elder, younger = stored(operation()), stored(uid="uid-2", name="younger")
    memory.note(elder)
    assert memory.lost(younger, [elder]) is None
    assert memory.lost(younger, [stored()]) is None
    assert memory.lost(stored(), [younger]) == operation()
    assert memory.lost(younger, ()) == operation()


@pytest.mark.parametrize(
    ("seen_in", "given"),
    [
        (None, False),
        (("cn-north-4", "p2"), False),
        (("cn-east-3", "p1"), False),
        (("cn-north-4", "p1"), True),
    ],
)
def test_another_namespace_is_given_it_once_its_credential_sees_the_instance(
    memory: Memory, seen_in: tuple[str, str] | None, *, given: bool
) -> None:
    journal = operation(region="cn-north-4", project_id="p1")
    memory.note(stored(journal))
    found = memory.lost(stored(uid="uid-2", namespace="bank"), (), seen_in=seen_in)
    assert found == (journal if given else None)


def test_another_instance_is_not_concerned(memory: Memory) -> None:
    memory.note(stored(operation(), instance_id="another"))
    assert memory.lost(stored(), ()) is None


@pytest.mark.parametrize("phase", CLOSED)
def test_a_closed_operation_is_put_back_for_as_long_as_reads_may_lag(memory: Memory, clock: Clock, phase: str) -> None:
    closed = operation(phase)
    memory.note(stored(operation(Phase.RUNNING)))
    clock.time += 10 * SETTLE
    memory.note(stored(closed))
    clock.time += SETTLE - 1
    memory.note(stored(closed))
    kept = None if phase == Phase.REJECTED else closed
    assert memory.lost(stored(), ()) == kept, "every pass notes it: its age is that of the first time"
    clock.time += 1
    assert memory.lost(stored(), ()) == (closed if phase == Phase.ABANDONED else None)
    assert memory.lost(stored(uid="uid-2"), ()) is None


def test_an_operation_that_is_open_again_is_as_good_as_new(memory: Memory, clock: Clock) -> None:
    """As after a newer version wrote a phase that this one does not know."""
    memory.note(stored(operation(Phase.FAILED)))
    memory.note(stored(operation("Draining")))
    clock.time += SETTLE
    assert memory.lost(stored(), ()) == operation("Draining")
    memory.note(stored(operation(Phase.FAILED)))
    clock.time += SETTLE - 1
    assert memory.lost(stored(), ()) == operation(Phase.FAILED)


AFTER = operation(Phase.SUCCEEDED, id="op-2", baseline_job_ids=("job-1",))
"""Begun when the job of the one before was there."""


@pytest.mark.parametrize("journal", [operation(id="op-2"), AFTER, operation(id="")])
def test_nothing_is_put_in_the_place_of_what_the_journal_has(memory: Memory, journal: Operation) -> None:
    memory.note(stored(operation(job_id="job-1")))
    assert memory.lost(stored(journal), ()) is None


@pytest.mark.parametrize("seconds", [0, 3600], ids=["in the same second", "with a clock that was set back"])
def test_which_came_first_is_nothing_that_a_calendar_tells(memory: Memory, seconds: int) -> None:
    first = operation(Phase.SUCCEEDED, id="op-1", request_time=NOW + timedelta(seconds=seconds))
    second = operation(Phase.UNCONFIRMED, id="op-2", request_time=NOW)
    memory.note(stored(first))
    memory.note(stored(second))
    assert memory.lost(stored(first), ()) == second
    memory.note(stored(replace(second, phase=Phase.SUCCEEDED)))
    assert memory.lost(stored(operation(Phase.SUCCEEDED, id="op-0")), ()) == replace(second, phase=Phase.SUCCEEDED)


def test_a_journal_that_went_back_within_its_operation_gets_back_what_was_known(memory: Memory) -> None:
    requesting, running = operation(Phase.REQUESTING), operation(Phase.RUNNING, job_id="job-1")
    memory.note(stored(requesting))
    assert memory.lost(stored(requesting), ()) is None
    memory.note(stored(running))
    assert memory.lost(stored(requesting), ()) == running
    assert memory.lost(stored(running), ()) is None
    ended = replace(running, phase=Phase.ABANDONED)
    memory.note(stored(ended))
    assert memory.lost(stored(running), ()) == ended
    assert memory.lost(stored(replace(running, phase="Draining")), ()) is None, "a newer version's word is left alone"


def test_what_was_rejected_is_never_put_in_front_of_what_came_after(memory: Memory) -> None:
    memory.note(stored(operation(Phase.REJECTED, id="op-1", request_time=NOW + timedelta(hours=1))))
    after = operation(Phase.SUCCEEDED, id="op-2", request_time=NOW)
    memory.note(stored(after))
    assert memory.lost(stored(after), ()) is None


def test_what_a_person_gave_up_is_kept_whoever_else_names_the_instance(memory: Memory, clock: Clock) -> None:
    memory.note(stored(operation(Phase.ABANDONED)))
    clock.time += 10 * SETTLE
    younger = stored(operation(Phase.SUCCEEDED, id="op-2"), uid="uid-2", name="younger")
    memory.note(younger)
    assert memory.lost(stored(), [younger]) == operation(Phase.ABANDONED)


def test_a_journal_from_before_is_replaced_by_what_it_has_lost(memory: Memory) -> None:
    """As by a restore, or ``kubectl replace --subresource=status``; what the journal has open comes first."""
    earlier = NOW - timedelta(minutes=5)
    memory.note(stored(operation(id="op-2")))
    assert memory.lost(stored(operation(Phase.SUCCEEDED, id="op-1", request_time=earlier)), ()) == operation(id="op-2")
    assert memory.lost(stored(operation(Phase.RUNNING, id="op-1", request_time=earlier)), ()) is None
    told = stored(operation(Phase.SUCCEEDED, id="op-1", request_time=earlier))
    told = replace(told, status=replace(told.status, history=(operation(Phase.FAILED, id="op-2"),)))
    assert memory.lost(told, ()) is None
    later = stored(operation(Phase.SUCCEEDED, id="op-3", request_time=NOW + timedelta(minutes=5)))
    memory.note(later)
    assert memory.lost(stored(), ()) == later.status.operation, "it came after, and so ended what was known"


def test_nothing_begins_beside_an_object_that_has_lost_its_operation(memory: Memory) -> None:
    younger = stored(uid="uid-2", name="younger")
    memory.note(stored(operation()))
    assert memory.missing_elsewhere(younger, [stored()]) == operation()
    assert memory.missing_elsewhere(younger, [stored(operation())]) is None
    assert memory.missing_elsewhere(younger, []) is None


@pytest.mark.parametrize("last", ["op-1", "op-2"])
def test_of_several_the_latest_is_put_back(memory: Memory, clock: Clock, last: str) -> None:
    for uid, key in (("uid-1", "op-1"), ("uid-2", "op-2"), ("uid-3", last)):
        memory.note(stored(operation(id=key), uid=uid))
    found = memory.lost(stored(uid="uid-9"), ())
    assert found is not None
    assert found.id == "op-2", "in the order in which they were seen first"
    memory.note(stored(operation(Phase.SUCCEEDED, id=last), uid="uid-3"))
    clock.time += SETTLE
    earlier = memory.lost(stored(uid="uid-9"), ())
    assert earlier is not None
    assert earlier.id == {"op-1": "op-2", "op-2": "op-1"}[last], "the latest of those that still matter"


def test_a_journal_that_cannot_be_read_is_not_remembered(memory: Memory) -> None:
    memory.note(stored(operation(id="")))
    assert memory.lost(stored(), ()) is None


def test_what_does_not_matter_any_more_is_let_go(memory: Memory, clock: Clock) -> None:
    closed = operation(Phase.SUCCEEDED)
    held = ref(closed)
    memory.note(stored(closed))
    del closed
    clock.time += SETTLE
    assert held() is not None
    memory.note(stored(operation(id="op-2")))
    assert held() is None


@dataclass
class Changed:
    """``ports.Objects`` in which the object is not any more what somebody has read."""

    left: Resource | None

    def pause(self) -> float:
        return 0.0

    async def get(self, namespace: str, name: str, *, urgent: bool = False) -> Resource | None:
        del namespace, name, urgent
        return self.left

    async def put_status(self, resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
        del resource, status, urgent
        raise ConflictError("Conflict", "Changed meanwhile.")


def journal_over(objects: Changed, memory: Memory, clock: Clock) -> Journal:
    time, quiet = clock.monotonic, Quiet()
    return Journal(objects, Store(monotonic=time), quiet, quiet, memory, Chorus(time), WritePace(DEFAULT, time))


@pytest.mark.parametrize(
    "left", [None, stored(uid="uid-2"), stored(), stored(operation(Phase.UNCONFIRMED, id="op-2"), uid="uid-2")]
)
async def test_an_answer_that_has_no_place_any_more_is_remembered(
    memory: Memory, clock: Clock, left: Resource | None
) -> None:
    """The object is gone, was made anew, or lost its status while the call was out."""
    journal = journal_over(Changed(left), memory, clock)
    answer = operation(Phase.RUNNING, job_id="j-1")
    await journal.write_answer(stored(operation(Phase.REQUESTING)), answer, _amend)
    assert memory.lost(stored(uid="uid-3"), ()) == answer


@pytest.mark.parametrize("settled", [operation(Phase.ABANDONED), operation(Phase.RUNNING, id="op-2")])
async def test_an_answer_to_what_somebody_has_settled_meanwhile_is_not(
    memory: Memory, clock: Clock, settled: Operation
) -> None:
    journal = journal_over(Changed(stored(settled)), memory, clock)
    await journal.write_answer(stored(operation(Phase.UNCONFIRMED)), operation(Phase.RUNNING), _amend)
    assert memory.lost(stored(uid="uid-3"), ()) is None


def _amend(status: Status, journal: Operation) -> Status:
    return replace(status, operation=journal)
