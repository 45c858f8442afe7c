"""Of several objects that name one instance, one may begin."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.claims import claimed_by
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.model import Desired, InstanceStatus, Phase, Resource, Status
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import case, desired, observed, operation, rival

OLDER, YOUNGER = "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
KINDS = (ScaleOut(),)
HERE = InstanceStatus(region="cn-north-4", project_id="p1")


def test_nobody_else_nobody_claims() -> None:
    assert claimed_by(case()) is None


@pytest.mark.parametrize(
    ("other", "claimed"),
    [
        (rival(OLDER), "shop/elder"),
        (rival(YOUNGER), None),
        (rival(OLDER, seen=False), None),
        (rival(YOUNGER, operation=operation(Phase.RUNNING)), "shop/elder"),
        (rival(YOUNGER, operation=operation("Draining")), "shop/elder"),
        (rival(YOUNGER, operation=operation(Phase.SUCCEEDED)), None),
        (rival(YOUNGER, seen=False, operation=operation(Phase.REQUESTING)), "shop/elder"),
    ],
    ids=["older", "younger", "older, has not seen it", "younger, busy", "younger, busy with something unknown",
         "younger, done", "younger, busy before it was seen"],
)  # fmt: skip
def test_whose_claim_counts(other: Resource, claimed: str | None) -> None:
    assert claimed_by(case(rivals=(other,))) == claimed


def test_a_paused_elder_still_claims() -> None:
    elder = rival(OLDER)
    paused = replace(elder, desired=replace(elder.desired, paused=True))
    assert claimed_by(case(rivals=(paused,))) == "shop/elder"


@pytest.mark.parametrize(("region", "project"), [("cn-north-9", "p1"), ("cn-north-4", "p2")])
def test_whoever_looks_elsewhere_is_no_rival(region: str, project: str) -> None:
    """Even a busy one: an id is unique in its cloud only."""
    elsewhere = InstanceStatus(region=region, project_id=project)
    other = replace(rival(OLDER), status=Status(instance=elsewhere, operation=operation()))
    assert claimed_by(case(rivals=(other,))) is None


@pytest.mark.parametrize(("uid", "claimed"), [("uid-0", "shop/elder"), ("uid-2", None)])
def test_of_the_same_second_the_lower_uid_claims(uid: str, claimed: str | None) -> None:
    twin = rival(desired().created)
    assert claimed_by(case(rivals=(replace(twin, desired=replace(twin.desired, uid=uid)),))) == claimed


def test_the_oldest_is_named() -> None:
    oldest = rival("2024-01-01T00:00:00Z")
    oldest = replace(oldest, desired=replace(oldest.desired, name="oldest"))
    for order in itertools.permutations((rival(OLDER), oldest, rival(YOUNGER, operation=operation()))):
        assert claimed_by(case(rivals=order)) == "shop/oldest"


def test_of_several_idle_objects_exactly_one_may_begin() -> None:
    """Whoever looks, the answer is the same one; no two of them begin, and never none."""
    wishes = [desired(uid=f"uid-{n}", name=f"n{n}", created=f"2026-01-0{1 + n // 2}T00:00:00Z") for n in range(5)]

    def others(wish: Desired) -> tuple[Resource, ...]:
        return tuple(Resource(other, Status(instance=HERE), "1") for other in wishes if other.uid != wish.uid)

    free = [wish.name for wish in wishes if claimed_by(case(wish, observed(), rivals=others(wish))) is None]
    assert free == ["n0"]


@pytest.mark.parametrize(
    ("other", "begins"),
    [
        (rival(OLDER, seen=False, observed_generation=-1), False),
        (rival(YOUNGER, seen=False, observed_generation=-1), True),
        (rival(OLDER, seen=False), True),
    ],
    ids=["older, never looked at", "younger, never looked at", "older, looked at in vain"],
)
def test_nothing_begins_before_an_older_one_was_looked_at(other: Resource, *, begins: bool) -> None:
    decision = decide(case(rivals=(other,)), KINDS)
    assert (decision.verb is Verb.BEGIN) is begins
    if not begins:
        assert decision.verb is Verb.WAIT
        assert "shop/elder names the same instance, came first" in decision.message


def test_what_rests_does_not_wait_for_an_older_one() -> None:
    unknown = rival(OLDER, seen=False, observed_generation=-1)
    assert decide(case(desired(2), rivals=(unknown,)), KINDS).reason == reasons.AS_DECLARED


def test_a_wiped_status_takes_no_claim_away() -> None:
    wiped = replace(rival(OLDER, seen=False, observed_generation=-1), had_seen=True)
    assert claimed_by(case(rivals=(wiped,))) == "shop/elder"
    assert claimed_by(case(rivals=(replace(wiped, had_seen=False),))) is None, "its credential has never seen it"
