"""Guards: pure vetoes before a scale-out begins. Each looks at one thing and says what is in the way, or None.

``GUARDS`` is their order: what a person must mend first comes first, what only a fresh read shows comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ddm_operator.domain import reasons
from ddm_operator.domain.case import ENDED_JOB, FAILED_NODE, SCALING_JOBS, Case, named
from ddm_operator.domain.model import MAX_NODES, Flavor, GroupStatus, Phase


@dataclass(frozen=True)
class Veto:
    """What is in the way. Whether it heals by itself is the reason's meaning."""

    reason: str
    message: str


Guard = Callable[[Case, GroupStatus, int], Veto | None]
"""Takes the case, the group and the desired count."""

FROZEN_STATUS = frozenset({"FROZEN", "FREEZING"})
"""UNFREEZING ends by itself."""

FAULTY_STATUS = frozenset(
    {"ERROR", "CREATEFAILED", "DATA_DISK_FULL", "FREEZING_FAILED", "UNFREEZING_FAILED", "RESIZE_ROLL_FAILED"}
)


def instance_works(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Frozen and faulty instances need a person; whatever else is going on ends by itself."""
    status = case.observed.row.status.upper() if case.observed.row else ""
    if status in FROZEN_STATUS:
        text = f"The instance is {status}: its account is in arrears, or it was frozen. Settle that in the console; "
        return Veto(reasons.INSTANCE_FROZEN, f"{text}nodes are added once it is RUNNING again.")
    if status in FAULTY_STATUS:
        text = f"The instance is {status}. Repair it, or open a ticket with the cloud; "
        return Veto(reasons.INSTANCE_FAULTY, f"{text}nodes are added once it is RUNNING again.")
    if status != "RUNNING":
        return Veto(reasons.INSTANCE_BUSY, f"The instance is {status}; nodes are added once it is RUNNING again.")
    return None


def pay_per_use(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Growing a yearly/monthly instance makes an order that a person has to pay."""
    row = case.observed.row
    if row and row.order_id:
        text = f"The instance is billed yearly/monthly (order {row.order_id}); growing it makes an order to be paid. "
        text += "Scale it in the console. The operator observes it: remove spec.nodes to say so."
        return Veto(reasons.YEARLY_MONTHLY, text)
    return None


def within_limits(case: Case, group: GroupStatus, nodes: int) -> Veto | None:
    """The cloud's limit over all groups, then the operator's limit for one step."""
    elsewhere = [other for other in case.observed.tally if other.id != group.id and other.nodes]
    others = sum(other.nodes for other in elsewhere)
    if others + nodes > MAX_NODES:
        listed = ", ".join(f"{other.nodes} in {other.id}" for other in elsewhere) or "0 in other groups"
        text = f"{nodes} nodes here and {listed} exceed the {MAX_NODES} that an instance may have, healthy or not."
        return Veto(reasons.NODE_LIMIT_EXCEEDED, f"{text} Lower spec.nodes to at most {MAX_NODES - others}.")
    step = nodes - group.nodes
    if step > case.limits.max_step:
        text = f"spec.nodes asks for {step} more nodes at once; this operator adds at most {case.limits.max_step}."
        text += f" Set spec.nodes to {group.nodes + case.limits.max_step} or less, or raise DDM_SCALING_MAX_STEP."
        return Veto(reasons.STEP_TOO_LARGE, text)
    return None


def nodes_healthy(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Every node of the instance serves; a failed one counts against the target and is a person's to remove."""
    failed = [node for node in case.observed.unhealthy() if node.status.lower() in FAILED_NODE]
    if failed:
        text = f"Nodes that an earlier operation left behind, and that will never serve: {named(failed)}."
        return Veto(reasons.NODES_FAILED, f"{text} Delete them in the console first.")
    if case.observed.unhealthy():
        text = f"Not every node serves: {named(case.observed.unhealthy())}. Nodes are added once they all do."
        return Veto(reasons.NODES_UNHEALTHY, f"{text} Restart them in the console if they do not recover.")
    sick = sum(group.unhealthy_nodes for group in case.observed.tally)
    if sick:
        return Veto(reasons.NODES_UNHEALTHY, f"{sick} nodes do not serve. Nodes are added once they all do.")
    return None


def reads_agree(case: Case, group: GroupStatus, _nodes: int) -> Veto | None:
    """The instance's detail and its groups name the same nodes, and every node that the journal knows."""
    if case.observed.nodes is not None and len(case.observed.nodes) != sum(g.nodes for g in case.observed.tally):
        return Veto(reasons.SETTLING, "The cloud shows nodes that belong to none of the groups; asking again.")
    listed = next((g.node_ids for g in case.observed.groups or () if g.id == group.id), None)
    if listed is not None and frozenset(listed) != case.observed.node_ids(group.id):
        return Veto(reasons.SETTLING, "The cloud's answers do not agree on the group's nodes yet; asking again.")
    if case.observed.nodes is None:
        return None
    missed = case.status.nodes_of(group.id) - case.observed.node_ids(group.id)
    if missed and case.ages.nodes_missed < case.limits.settle:
        text = f"The cloud does not show nodes that it showed before: {', '.join(sorted(missed))}. If that lasts for "
        return Veto(reasons.SETTLING, f"{text}{case.limits.settle:.0f} s they are taken for removed.")
    return None


def no_other_job(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """A scaling job that the journal does not know forbids a begin until its effect is certainly visible."""
    known = known_jobs(case)
    for job in case.observed.jobs or ():
        if job.name not in SCALING_JOBS or job.id in known:
            continue
        if job.status not in ENDED_JOB:
            return Veto(
                reasons.INSTANCE_BUSY,
                f"The job {job.name} {job.id} is {job.status or 'under way'}; waiting for its end.",
            )
        if max(job.ended_ago or 0.0, case.ages.jobs_ended.get(job.id, 0.0)) < case.limits.settle:
            text = f"Somebody else's job {job.name} {job.id} has just ended. The nodes are counted again "
            return Veto(reasons.SETTLING, f"{text}{case.limits.settle:.0f} s after its end.")
    return None


def data_nodes_ready(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """The associated RDS instances are normal and no schema is expanding."""
    for schema in case.observed.schemas or ():
        sick = [rds for rds in schema.data_nodes if rds.status.lower() != "normal"]
        if sick:
            listed = ", ".join(f"{rds.name or rds.id} ({rds.status or 'no status'})" for rds in sick)
            text = f"RDS instances of schema {schema.name} are not normal: {listed}. Nodes are added once they are."
            return Veto(reasons.DATA_NODES_NOT_READY, text)
        if schema.status.upper().replace("_", " ") in {"EXPANDING", "ROLLING BACK"}:
            text = f"Schema {schema.name} is {schema.status}; nodes are added when that has ended."
            return Veto(reasons.SCHEMA_EXPANDING, text)
    return None


def flavor_unambiguous(case: Case, group: GroupStatus, _nodes: int) -> Veto | None:
    """Which class the new nodes get is said by the spec, or can only be one."""
    if case.desired.flavor_id or case.observed.flavors is None or case.observed.row is None:
        return None
    shapes = {(other.cpu, other.memory_gb) for other in case.observed.groups or ()}
    if len(case.observed.tally) > 1 and len(shapes) > 1:
        text = "The groups have different classes and the cloud does not say which group has which."
        return Veto(reasons.FLAVOR_AMBIGUOUS, f"{text} Set spec.flavorId to the id of the class of group {group.id}.")
    offers = [offer.id for offer in case.observed.flavors if offer.code == case.observed.row.flavor]
    if len(offers) > 1:
        text = f"The cloud offers the instance's class {case.observed.row.flavor} under several ids: "
        return Veto(reasons.FLAVOR_AMBIGUOUS, f"{text}{', '.join(offers)}. Set spec.flavorId to the right one.")
    return None


def flavor_usable(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """The class of the nodes is known, and is the current one."""
    if case.observed.flavors is None or case.observed.row is None:
        return None
    code, flavor, wanted = case.observed.row.flavor, choose_flavor(case), case.desired.flavor_id
    if flavor is None:
        if wanted:
            text = f"spec.flavorId {wanted} is not a class that the cloud offers for this instance's engine."
        else:
            text = f"The cloud does not offer the instance's class {code} for its engine any more."
        return Veto(reasons.FLAVOR_NOT_USABLE, f"{text} Set spec.flavorId to the id of the current class.")
    if len(case.observed.tally) == 1 and flavor.code != code:
        text = f"spec.flavorId is class {flavor.code}, but the nodes are of class {code}; a group has one class."
        return Veto(reasons.FLAVOR_NOT_USABLE, f"{text} Remove spec.flavorId or correct it.")
    return None


def flavor_on_sale(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """The class is sold in a zone of the instance."""
    flavor = choose_flavor(case)
    zones = case.observed.row.zones if case.observed.row else ()
    if flavor and zones and all(flavor.zones.get(zone) == "sellout" for zone in zones):
        text = f"Class {flavor.code} is sold out in {', '.join(zones)}. Nodes are added once it is on sale again."
        return Veto(reasons.FLAVOR_SOLD_OUT, text)
    return None


GUARDS: tuple[Guard, ...] = (
    pay_per_use,
    within_limits,
    instance_works,
    nodes_healthy,
    reads_agree,
    no_other_job,
    data_nodes_ready,
    flavor_unambiguous,
    flavor_usable,
    flavor_on_sale,
)


def choose_flavor(case: Case) -> Flavor | None:
    """The class to ask for: the one that the spec names, else the only one with the instance's code."""
    flavors = case.observed.flavors or ()
    if case.desired.flavor_id:
        return next((flavor for flavor in flavors if flavor.id == case.desired.flavor_id), None)
    code = case.observed.row.flavor if case.observed.row else ""
    matching = [flavor for flavor in flavors if flavor.code == code]
    return matching[0] if len(matching) == 1 else None


def known_jobs(case: Case) -> frozenset[str]:
    """Ids of the jobs that the journal accounts for; one that was given up is a stranger's when it shows again."""
    last = case.status.operation
    past = (*case.status.history, *([last] if last else []))
    followed = {entry.job_id for entry in past if entry.phase not in (Phase.REJECTED, Phase.ABANDONED)}
    return frozenset(followed - {""}) | frozenset(last.baseline_job_ids if last else ())
