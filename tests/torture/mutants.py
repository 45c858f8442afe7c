"""Deliberate breakages of the operator, each by its name: a proof that cannot fail would prove nothing."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from typing_extensions import override

from ddm_operator.cloud import classify
from ddm_operator.cloud import client as cloud_client
from ddm_operator.cloud import enlarge as cloud_enlarge
from ddm_operator.domain import decide, follow, guards, reasons
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Phase
from ddm_operator.domain.report import next_status
from ddm_operator.engine import act, assemble, journal, memory, observe, queue, reconcile
from ddm_operator.errors import ConflictError, OperatorError
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.operations import scale_out
from ddm_operator.ports import Refused, Unknown
from tests.torture.replica import Replica

Swap = tuple[object, str, Any]
"""A module or a class, an attribute of it, and what stands there instead."""


def no_compare_and_swap() -> Sequence[Swap]:
    """Every write goes over whatever is stored."""
    put = ApiObjects.put_status

    async def over(self: ApiObjects, resource: Any, status: Any, *, urgent: bool = False) -> Any:
        latest = await self.get(resource.desired.namespace, resource.desired.name)
        return await put(self, latest or resource, status, urgent=urgent)

    return ((ApiObjects, "put_status", over),)


def lease_trusted_as_fence() -> Sequence[Swap]:
    """Who leads writes its intent over whatever is stored."""
    write = journal.Journal.write_intent

    async def over(self: Any, resource: Any, status: Any) -> Any:
        latest = await self._objects.get(resource.desired.namespace, resource.desired.name)
        return await write(self, latest or resource, status)

    return ((journal.Journal, "write_intent", over),)


def conflict_ignored() -> Sequence[Swap]:
    """A 409 to the intent is taken for success."""
    write = journal.Journal.write_intent

    async def on(self: Any, resource: Any, status: Any) -> Any:
        try:
            return await write(self, resource, status)
        except ConflictError:
            return replace(resource, status=status)

    return ((journal.Journal, "write_intent", on),)


def call_before_intent() -> Sequence[Swap]:
    """First the call, then the intent."""

    async def request(self: Any, cloud: Any, resource: Any, planned: Any, intent: Any, seen: Any) -> Any:
        outcome = await self._kinds[intent.type].begin(cloud, resource.desired.instance_id, intent, lambda: True)
        status = next_status(resource.desired, resource.status, planned, seen.observed, self._clock.now())
        stored = await self._journal.write_intent(resource, status)

        def amend(current: Any, operation: Any) -> Any:
            return next_status(stored.desired, current, act._said(operation), seen.observed, self._clock.now())

        return await self._journal.write_answer(stored, self._answer(intent, outcome), amend)

    return ((act.Actor, "_request", request),)


def cached_cloud_read() -> Sequence[Swap]:
    """A begin is decided on what was seen some minutes ago."""
    inspect = observe.Observer.inspect

    async def remembered(self: Any, cloud: Any, resource: Any) -> Any:
        kept = self.__dict__.setdefault("kept", {})
        sight = kept.get(resource.desired.instance_id)
        if sight is None or self._clock.monotonic() - sight.at > self._limits.resync:
            sight = kept[resource.desired.instance_id] = await inspect(self, cloud, resource)
        return sight

    return ((observe.Observer, "inspect", remembered),)


def cloud_before_object() -> Sequence[Swap]:
    """The cloud is read first, then the object, however long that takes, and nodes that it knows of may be missing."""

    async def backwards(self: Any, cloud: Any, resource: Any) -> Any:
        sight = await self.observer.inspect(cloud, resource)
        resource = await self._whole(await self._read_again(resource))
        if await self._got_back(resource, cloud, sight):
            return 0.0
        return await self._conclude(cloud, resource, self._decide(resource, sight), sight)

    return (
        (reconcile.Reconciler, "_pass_closely", backwards),
        (act.Actor, "_recent", lambda *_: None),
        (scale_out, "GUARDS", _without(guards.reads_agree)),
    )


def old_observation() -> Sequence[Swap]:
    """The jobs that were listed before a begin judge the journal of that begin."""
    inspect, jobs = observe.Observer.inspect, observe.Observer._jobs

    async def keeping(self: Any, cloud: Any, resource: Any) -> Any:
        sight = await inspect(self, cloud, resource)
        self.__dict__["kept"] = sight.observed.jobs or ()
        return sight

    async def kept(self: Any, cloud: Any, resource: Any, operation: Any) -> Any:
        answer = await jobs(self, cloud, resource, operation)
        return answer if operation.job_id else replace(answer, value=self.__dict__.get("kept", answer.value))

    return ((observe.Observer, "inspect", keeping), (observe.Observer, "_jobs", kept))


def failure_with_400_taken_as_refused() -> Sequence[Swap]:
    """Whatever is answered with 400 was not executed."""

    def trusting(status: int, code: str) -> classify.Meaning:
        row = classify.meaning(status, code)
        return replace(row, refused=True) if status == 400 else row  # HTTP's bad request

    return ((cloud_enlarge, "meaning", trusting),)


def accepted_job_failed_by_counting() -> Sequence[Swap]:
    """A job that cannot be seen, and no new node for a settle period: it failed."""
    counting = follow._by_counting

    def hasty(case: Any, operation: Any, traits: Any) -> Decision:
        if operation.job_id and follow._quiet(case) and not traits.achieved(case, operation):
            return follow.close(case, operation, Phase.FAILED, reasons.JOB_FAILED, "It did not grow.")
        return counting(case, operation, traits)

    return ((follow, "_by_counting", hasty),)


def post_retried() -> Sequence[Swap]:
    """An enlarge without an answer is sent again, as HTTP clients do."""
    send = vars(cloud_client)["enlarge"]

    async def twice(*given: Any) -> Any:
        outcome = await send(*given)
        return await send(*given) if isinstance(outcome, Unknown) else outcome

    return ((cloud_client, "enlarge", twice),)


def unconfirmed_taken_as_refused() -> Sequence[Swap]:
    """No answer means no."""
    send = vars(cloud_client)["enlarge"]

    async def sure(*given: Any) -> Any:
        outcome = await send(*given)
        if isinstance(outcome, Unknown):
            return Refused(reasons.RETRYING, outcome.message, outcome.code, heals=True, sent=True)
        return outcome

    return ((cloud_client, "enlarge", sure),)


def failed_question_taken_as_nothing() -> Sequence[Swap]:
    """Jobs that could not be asked for are none."""
    asked = cloud_client.DdmCloud.list_jobs

    async def none(self: Any, start: Any, end: Any) -> Any:
        try:
            return await asked(self, start, end)
        except OperatorError:
            return ()

    return ((cloud_client.DdmCloud, "list_jobs", none),)


def no_look_at_running_jobs() -> Sequence[Swap]:
    """Nobody looks for jobs of others before a begin."""
    none: Swap = (scale_out.ScaleOut, "_stray_jobs", lambda _self, _case: [])
    return ((scale_out, "GUARDS", _without(guards.no_other_job)), none)


def running_without_verification() -> Sequence[Swap]:
    """When the job is done, all is done."""

    def done(operation: Any) -> Decision:
        closed = replace(operation, phase=Phase.SUCCEEDED, message="The job is done.")
        return Decision(Verb.WAIT, reasons.RETRYING, "The job is done.", 0.0, closed)

    return ((follow, "_verify", done),)


def job_id_not_adopted() -> Sequence[Swap]:
    """The job of a lost answer is not looked for."""
    return ((follow, "unknown_jobs", lambda *_: ()),)


def settle_period_zero() -> Sequence[Swap]:
    """What does not show at once was never executed."""
    limits = Replica.limits
    return ((Replica, "limits", staticmethod(lambda settings: replace(limits(settings), settle=0.0))),)


def no_limit_on_the_age_of_an_intent() -> Sequence[Swap]:
    """A call leaves however old its intent has become."""
    limits = Replica.limits
    return ((Replica, "limits", staticmethod(lambda settings: replace(limits(settings), send=float("inf")))),)


def two_workers_on_one_key() -> Sequence[Swap]:
    """A change during a pass starts another one beside it."""
    running: Counter[tuple[int, str]] = Counter()
    run = queue.WorkQueue._pass

    def add(self: Any, key: str) -> None:
        lane = self._lane_of(key)
        self._ready[key] = 0.0, lane
        self._lanes.setdefault(lane, deque()).append(key)
        self._hire(lane)

    async def beside(self: Any, key: str) -> None:
        running[id(self), key] += 1
        try:
            with suppress(KeyError):  # the other one was first to say that it has ended
                await run(self, key)
        finally:
            running[id(self), key] -= 1

    return (
        (queue.WorkQueue, "add", add),
        (queue.WorkQueue, "_pass", beside),
        (queue.WorkQueue, "busy", lambda self, key: running[id(self), key] > 0),
        (assemble, "WeakValueDictionary", _NewLocks),
    )


def _without(missing: guards.Guard) -> tuple[guards.Guard, ...]:
    return tuple(guard for guard in guards.GUARDS if guard is not missing)


class _NewLocks(dict[str, asyncio.Lock]):
    @override
    def setdefault(self, _key: str, default: Any = None, /) -> Any:
        return default


def memory_lost() -> Sequence[Swap]:
    """What somebody takes out of a status is forgotten."""
    return ((memory.Memory, "lost", lambda *_: None),)


def calendar_trusted() -> Sequence[Swap]:
    """Which of two operations came first is read off their times."""

    def tells(_self: Any, resource: Any, operation: Any) -> bool:
        latest = resource.status.operation
        return latest is not None and (latest.id == operation.id or latest.request_time >= operation.request_time)

    return ((memory.Memory, "_tells", tells),)


def pause_ignored() -> Sequence[Swap]:
    """Nobody looks at spec.paused before a begin."""
    propose = scale_out.ScaleOut.propose

    def blind(self: Any, case: Any, group: Any) -> Decision | None:
        return propose(self, replace(case, desired=replace(case.desired, paused=False)), group)

    return ((scale_out.ScaleOut, "propose", blind),)


def abandoned_begun_again() -> Sequence[Swap]:
    """What a person has given up is planned like anything else."""
    return ((scale_out, "forbidden", lambda *_: None),)


def claim_ignored() -> Sequence[Swap]:
    """Every object that names an instance may begin."""
    return ((decide, "claimed_by", lambda _: None),)


def partial_at_once() -> Sequence[Swap]:
    """Nodes that do not serve when the job ends never will."""
    verifying, quiet = follow._verifying, follow._quiet

    def hasty(case: Any, operation: Any, traits: Any) -> Decision:
        with patch.object(follow, "_quiet", lambda seen: quiet(seen) or seen.observed.nodes is not None):
            return verifying(case, operation, traits)

    return ((follow, "_verifying", hasty),)


MUTANTS: Final[tuple[Callable[[], Sequence[Swap]], ...]] = (
    no_compare_and_swap,
    lease_trusted_as_fence,
    conflict_ignored,
    call_before_intent,
    cached_cloud_read,
    cloud_before_object,
    old_observation,
    failure_with_400_taken_as_refused,
    accepted_job_failed_by_counting,
    post_retried,
    unconfirmed_taken_as_refused,
    failed_question_taken_as_nothing,
    no_look_at_running_jobs,
    running_without_verification,
    job_id_not_adopted,
    settle_period_zero,
    no_limit_on_the_age_of_an_intent,
    two_workers_on_one_key,
    memory_lost,
    calendar_trusted,
    pause_ignored,
    abandoned_begun_again,
    claim_ignored,
    partial_at_once,
)


@contextmanager
def broken_by(mutant: Callable[[], Sequence[Swap]]) -> Iterator[None]:
    """The operator, broken."""
    with ExitStack() as stack:
        for target, name, instead in mutant():
            stack.enter_context(patch.object(target, name, instead))
        yield
