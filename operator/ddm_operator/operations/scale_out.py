"""Scale out: add nodes to a group until it has the declared count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from ddm_operator.domain import reasons
from ddm_operator.domain.again import ADOPTED, failures, forbidden, next_attempt
from ddm_operator.domain.case import Case
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.follow import follow
from ddm_operator.domain.guards import GUARDS, choose_flavor, known_jobs
from ddm_operator.domain.model import GroupStatus, Job, Operation, Phase
from ddm_operator.ports import CallOutcome, Cloud, EnlargeRequest


class ScaleOut:
    """The cloud's *enlarge*: relative, not idempotent, slow, and it costs money."""

    type: Final = "ScaleOut"
    job_name: Final = "EnlargeNode"
    growing: Final = "GROWING"

    def propose(self, case: Case, group: GroupStatus) -> Decision | None:
        """Plan the missing nodes, or say what is in the way; None when none is missing."""
        nodes = case.desired.nodes
        stray = self._stray_jobs(case)
        if len(stray) == 1:
            return self._adopt(case, group, stray[0])
        if nodes is None or group.nodes >= nodes:
            return None
        if case.desired.paused:
            text = f"Paused: {nodes - group.nodes} nodes are missing and none is added until spec.paused is false."
            return Decision(Verb.WAIT, reasons.PAUSED, text, case.limits.resync)
        veto = forbidden(case, group)
        if veto is not None:
            return veto
        for guard in GUARDS:
            found = guard(case, group, nodes)
            if found is not None:
                stalled = found.reason in reasons.STALLING
                wait = case.limits.recheck if stalled else case.limits.poll
                return Decision(Verb.STALL if stalled else Verb.WAIT, found.reason, found.message, wait)
        return Decision(
            Verb.BEGIN,
            reasons.SCALING_OUT,
            f"Adding {nodes - group.nodes} node{'s' if nodes - group.nodes != 1 else ''} ({group.nodes} to {nodes}): "
            "requesting them from the cloud.",
            case.limits.poll,
            self._plan(case, group, nodes),
        )

    async def begin(
        self, cloud: Cloud, instance_id: str, operation: Operation, may_leave: Callable[[], bool]
    ) -> CallOutcome:
        """Send the enlarge call of a stored intent, once."""
        request = EnlargeRequest(
            instance_id=instance_id,
            group_id=operation.group_id,
            flavor_id=operation.flavor_id,
            node_number=(operation.to_nodes or 0) - (operation.from_nodes or 0),
        )
        return await cloud.enlarge(request, may_leave=may_leave)

    def monitor(self, case: Case, operation: Operation) -> Decision:
        """The next step of an open scale-out."""
        return follow(case, operation, self)

    def achieved(self, case: Case, operation: Operation) -> bool:
        """Whether the group has the nodes that were asked for and all of them serve."""
        nodes = case.observed.node_ids(operation.group_id)
        return len(nodes) >= max(operation.to_nodes or 0, 1) and not case.observed.unhealthy(operation.group_id)

    def _plan(self, case: Case, group: GroupStatus, nodes: int) -> Operation:
        flavor = choose_flavor(case)
        return Operation(
            id="",
            type=self.type,
            phase=Phase.REQUESTING,
            group_id=group.id,
            flavor_id=flavor.id if flavor else "",
            region=case.observed.region,
            project_id=case.observed.project_id,
            from_nodes=group.nodes,
            to_nodes=nodes,
            baseline_node_ids=tuple(sorted(case.observed.node_ids(group.id))),
            baseline_job_ids=tuple(sorted(job.id for job in case.observed.jobs or ())),
            generation=case.desired.generation,
            request_time=case.now,
            deadline_time=case.now + timedelta(seconds=case.limits.deadline),
            attempt=next_attempt(case, group),
            failures=failures(case, group) or None,
        )

    def _stray_jobs(self, case: Case) -> list[Job]:
        known = known_jobs(case)
        jobs = case.observed.jobs or ()
        return [job for job in jobs if job.name == self.job_name and job.status == "Running" and job.id not in known]

    def _adopt(self, case: Case, group: GroupStatus, job: Job) -> Decision:
        """Follow a running job that the journal does not know, instead of doubling it."""
        text = f"Following job {job.id}, which was not requested by this object; counting again when it has ended."
        adopted = replace(
            self._plan(case, group, 0),
            id=f"{ADOPTED}{job.id}",
            phase=Phase.RUNNING,
            flavor_id="",
            to_nodes=None,
            job_id=job.id,
            start_time=case.now,
            attempt=1,
            failures=None,
            message=text,
        )
        return Decision(Verb.FOLLOW, reasons.SCALING_OUT, text, case.limits.poll, adopted)
