"""Every guard by itself: what it forbids, what it says of it, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import guards, reasons
from ddm_operator.domain.case import SCALING_JOBS, Ages, Case, Observed
from ddm_operator.domain.guards import GUARDS, Guard, Veto, choose_flavor, known_jobs
from ddm_operator.domain.model import MAX_NODES, DataNode, Desired, Flavor, Job, Operation, Phase, Schema, Status
from tests.support.cases import (
    CODE,
    FLAVOR,
    GROUP,
    JOB,
    LIMITS,
    LONG,
    OTHER_GROUP,
    case,
    desired,
    ids,
    job,
    nodes,
    observed,
    operation,
)

ZONES = {"cn-north-4a": "sellout", "cn-north-4b": "sellout"}


def ask(guard: Guard, given: Case, count: int = 4) -> Veto | None:
    group = given.observed.group(GROUP)
    assert group is not None
    return guard(given, group, count)


def of_the_class(given: Case) -> Veto | None:
    """What the guards that look at the class of the nodes say, in their order."""
    flavor_guards = (guards.flavor_unambiguous, guards.flavor_usable, guards.flavor_on_sale)
    assert GUARDS[-3:] == flavor_guards
    return next((veto for guard in flavor_guards if (veto := ask(guard, given))), None)


def test_a_healthy_case_passes_every_guard() -> None:
    assert {guard.__name__: ask(guard, case()) for guard in GUARDS} == {guard.__name__: None for guard in GUARDS}


def test_what_a_person_must_mend_comes_before_what_ends_by_itself() -> None:
    """A yearly instance is called so at once, and not only when it happens to be idle."""
    assert GUARDS.index(guards.pay_per_use) < GUARDS.index(guards.instance_works)
    assert GUARDS.index(guards.within_limits) < GUARDS.index(guards.instance_works)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("RUNNING", None),
        ("running", None),
        ("BACKUP", reasons.INSTANCE_BUSY),
        ("GROWING", reasons.INSTANCE_BUSY),
        ("POLISHING", reasons.INSTANCE_BUSY),
        ("", reasons.INSTANCE_BUSY),
        *((status, reasons.INSTANCE_FROZEN) for status in sorted(guards.FROZEN_STATUS)),
        *((status, reasons.INSTANCE_FAULTY) for status in sorted(guards.FAULTY_STATUS)),
        ("data_disk_full", reasons.INSTANCE_FAULTY),
    ],
)
def test_the_instance_has_to_be_running(status: str, reason: str | None) -> None:
    veto = ask(guards.instance_works, case(seen=observed(status=status)))
    assert (veto.reason if veto else None) == reason
    assert veto is None or status.upper() in veto.message


def test_an_instance_with_an_order_is_not_grown() -> None:
    veto = ask(guards.pay_per_use, case(seen=observed(order_id="CS22010218")))
    assert veto is not None
    assert veto.reason == reasons.YEARLY_MONTHLY


@pytest.mark.parametrize(
    ("others", "count", "reason", "said"),
    [
        (0, 2 + LIMITS.max_step, None, ""),
        (0, 3 + LIMITS.max_step, reasons.STEP_TOO_LARGE, "Set spec.nodes to 10 or less"),
        (MAX_NODES - 4, 4, None, ""),
        (MAX_NODES - 4, 5, reasons.NODE_LIMIT_EXCEEDED, "Lower spec.nodes to at most 4"),
        (MAX_NODES - 4, 32, reasons.NODE_LIMIT_EXCEEDED, "at most 4"),
    ],
)
def test_limits_count_all_groups_and_the_step(others: int, count: int, reason: str | None, said: str) -> None:
    seen = observed((*nodes(2), *nodes(others, OTHER_GROUP)))
    veto = ask(guards.within_limits, case(seen=seen), count)
    assert (veto.reason if veto else None) == reason
    assert veto is None or said in veto.message


@pytest.mark.parametrize("group", [GROUP, OTHER_GROUP])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("normal", None),
        ("NORMAL", None),
        ("RUNNING", None),
        ("abnormal", reasons.NODES_UNHEALTHY),
        ("creating", reasons.NODES_UNHEALTHY),
        ("", reasons.NODES_UNHEALTHY),
        ("enlargefail", reasons.NODES_FAILED),
        ("createfail", reasons.NODES_FAILED),
        ("EnlargeFail", reasons.NODES_FAILED),
    ],
)
def test_every_node_of_every_group_has_to_serve(group: str, status: str, reason: str | None) -> None:
    sick = nodes(1, group, status, first=9)
    veto = ask(guards.nodes_healthy, case(seen=observed((*nodes(2), *sick))))
    assert (veto.reason if veto else None) == reason
    assert veto is None or sick[0].id in veto.message


def test_counts_alone_show_unhealthy_nodes_too() -> None:
    counted = observed(nodes(2, status="abnormal"))
    veto = ask(guards.nodes_healthy, case(seen=replace(counted, nodes=None)))
    assert veto is not None
    assert veto.reason == reasons.NODES_UNHEALTHY


def test_detail_and_groups_have_to_name_the_same_nodes() -> None:
    seen = observed(nodes(2))
    longer = tuple(replace(group, node_ids=ids(3)) for group in seen.groups or ())
    veto = ask(guards.reads_agree, case(seen=replace(seen, groups=longer)))
    assert veto is not None
    assert veto.reason == reasons.SETTLING


@pytest.mark.parametrize(
    ("last", "missed", "reason"),
    [
        (operation(Phase.SUCCEEDED, final_node_ids=ids(3)), 0.0, reasons.SETTLING),
        (operation(Phase.SUCCEEDED, final_node_ids=ids(3)), LIMITS.settle - 1, reasons.SETTLING),
        (operation(Phase.SUCCEEDED, final_node_ids=ids(3)), LIMITS.settle, None),
        (operation(Phase.SUCCEEDED, final_node_ids=ids(2)), 0.0, None),
        (operation(Phase.FAILED, baseline_node_ids=ids(3)), 0.0, reasons.SETTLING),
        (operation(Phase.SUCCEEDED, final_node_ids=ids(3), group_id=OTHER_GROUP), 0.0, None),
        (None, 0.0, None),
    ],
)
def test_a_read_that_misses_a_known_node_lags(last: Operation | None, missed: float, reason: str | None) -> None:
    veto = ask(guards.reads_agree, case(journal=last, ages=Ages(nodes_missed=missed)))
    assert (veto.reason if veto else None) == reason
    assert veto is None or ids(3)[2] in veto.message


@pytest.mark.parametrize("name", sorted(SCALING_JOBS))
@pytest.mark.parametrize(
    ("status", "ended_ago", "known_ended", "reason"),
    [
        ("Running", None, 0.0, reasons.INSTANCE_BUSY),
        ("Completed", None, 0.0, reasons.SETTLING),
        ("Failed", LIMITS.settle - 1, 0.0, reasons.SETTLING),
        ("Completed", None, LIMITS.settle - 1, reasons.SETTLING),
        ("Completed", LIMITS.settle, 0.0, None),
        ("Completed", None, LIMITS.settle, None),
    ],
)
def test_a_job_of_somebody_else_forbids_until_its_effect_shows(
    name: str, status: str, ended_ago: float | None, known_ended: float, reason: str | None
) -> None:
    stranger = Job("j-2", name, status, "i", ended_ago=ended_ago)
    given = case(seen=observed(jobs=(stranger,)), ages=Ages(jobs_ended={"j-2": known_ended}))
    veto = ask(guards.no_other_job, given)
    assert (veto.reason if veto else None) == reason
    assert veto is None or "j-2" in veto.message


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_the_own_ended_job_forbids_nothing(phase: Phase) -> None:
    ended = job("Completed", ended_ago=0.0)
    given = case(seen=observed(jobs=(ended,)), journal=operation(phase))
    assert ask(guards.no_other_job, given) is None
    past = replace(given, status=Status(history=(operation(phase),)))
    assert ask(guards.no_other_job, past) is None


def test_jobs_of_another_kind_forbid_nothing() -> None:
    assert ask(guards.no_other_job, case(seen=observed(jobs=(job(name="RestartNode"),)))) is None


@pytest.mark.parametrize(
    ("schema", "rds", "reason"),
    [
        ("RUNNING", "normal", None),
        ("RUNNING", "Normal", None),
        ("RUNNING", "BACKING UP", reasons.DATA_NODES_NOT_READY),
        ("RUNNING", "", reasons.DATA_NODES_NOT_READY),
        ("EXPANDING", "normal", reasons.SCHEMA_EXPANDING),
        ("ROLLING BACK", "normal", reasons.SCHEMA_EXPANDING),
        ("EXPAND_FAILED", "normal", None),
    ],
)
def test_schemas_and_their_data_nodes_have_to_be_quiet(schema: str, rds: str, reason: str | None) -> None:
    sound = Schema("stock", "RUNNING", (DataNode("r0", "rds-stock", "normal"),))
    asked = Schema("orders", schema, (DataNode("r1", "rds-orders", "normal"), DataNode("r2", "rds-two", rds)))
    veto = ask(guards.data_nodes_ready, case(seen=observed(schemas=(sound, asked))))
    assert (veto.reason if veto else None) == reason
    assert veto is None or "orders" in veto.message


TWO_CLASSES = (Flavor(FLAVOR, CODE, {}), Flavor("f-2", "ddm.c6.2xlarge.2", {}))


@pytest.mark.parametrize(
    ("wish", "seen", "reason", "chosen"),
    [
        (desired(), observed(), None, FLAVOR),
        (desired(), observed(flavors=TWO_CLASSES), None, FLAVOR),
        (desired(flavor_id=FLAVOR), observed(flavors=TWO_CLASSES), None, FLAVOR),
        (desired(flavor_id="f-2"), observed(flavors=TWO_CLASSES), reasons.FLAVOR_NOT_USABLE, "f-2"),
        (desired(flavor_id="f-3"), observed(flavors=TWO_CLASSES), reasons.FLAVOR_NOT_USABLE, None),
        (desired(), observed(flavors=()), reasons.FLAVOR_NOT_USABLE, None),
        (desired(), observed(flavors=(TWO_CLASSES[0], Flavor("f-4", CODE, {}))), reasons.FLAVOR_AMBIGUOUS, None),
        (desired(flavor_id="f-4"), observed(flavors=(TWO_CLASSES[0], Flavor("f-4", CODE, {}))), None, "f-4"),
        (desired(), observed(flavors=(Flavor(FLAVOR, CODE, ZONES),)), reasons.FLAVOR_SOLD_OUT, FLAVOR),
        (desired(), observed(flavors=(Flavor(FLAVOR, CODE, ZONES),), zones=()), None, FLAVOR),
        (desired(), observed(flavors=(Flavor(FLAVOR, CODE, ZONES | {"cn-north-4b": "normal"}),)), None, FLAVOR),
    ],
)
def test_the_class_of_the_nodes(wish: Desired, seen: Observed, reason: str | None, chosen: str | None) -> None:
    given = case(wish, seen)
    veto = of_the_class(given)
    flavor = choose_flavor(given)
    assert ((veto.reason if veto else None), flavor.id if flavor else None) == (reason, chosen)


def test_groups_of_different_classes_need_the_class_said() -> None:
    seen = observed((*nodes(2), *nodes(2, OTHER_GROUP)))
    assert of_the_class(case(seen=seen)) is None
    large = tuple(replace(group, cpu=16) if group.id == OTHER_GROUP else group for group in seen.groups or ())
    mixed = replace(seen, groups=large, flavors=TWO_CLASSES)
    for offers in (TWO_CLASSES, ()):
        veto = of_the_class(case(seen=replace(mixed, flavors=offers)))
        assert veto is not None
        assert veto.reason == reasons.FLAVOR_AMBIGUOUS
        assert GROUP in veto.message
    assert of_the_class(case(desired(flavor_id="f-2"), mixed)) is None


def test_the_journal_accounts_for_its_own_jobs_and_those_of_its_past() -> None:
    status = Status(
        operation=operation(Phase.SUCCEEDED, baseline_job_ids=("j-0",)),
        history=(operation(Phase.SUCCEEDED, job_id="j-past"), operation(Phase.REJECTED, job_id="")),
    )
    assert known_jobs(case(status=status)) == {JOB, "j-0", "j-past"}


@pytest.mark.parametrize("age", [0.0, LONG])
def test_guards_judge_only_what_was_asked(age: float) -> None:
    """``None`` means "not asked"; the decision to begin is made again on a complete look."""
    unasked = replace(observed(), nodes=None, groups=None, jobs=None, schemas=None, flavors=None, complete=False)
    given = case(seen=unasked, journal=operation(Phase.SUCCEEDED, final_node_ids=ids(9)), ages=Ages(nodes_missed=age))
    assert [guard.__name__ for guard in GUARDS if ask(guard, given)] == []


def test_nodes_of_a_group_are_looked_for_though_another_group_was_last() -> None:
    """Reads lag; the journal's history knows what the group's own operation has left."""
    mine = operation(Phase.SUCCEEDED, id="op-1", final_node_ids=ids(4))
    given = case(desired(6), observed(nodes(2)), operation(Phase.REJECTED, id="op-2", group_id=OTHER_GROUP))
    given = replace(given, status=replace(given.status, history=(mine,)))
    veto = ask(guards.reads_agree, given, 6)
    assert veto is not None
    assert veto.reason == reasons.SETTLING
    assert ask(guards.reads_agree, replace(given, ages=Ages(nodes_missed=LIMITS.settle)), 6) is None
