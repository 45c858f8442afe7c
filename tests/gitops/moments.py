"""How the operator comes to write each reason, and some situations besides: what the snapshots are taken of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ddm_operator.domain import reasons
from ddm_operator.kube.resource import RESOLVE_ANNOTATION
from ddm_simulator.model import Flavor
from tests.gitops.scene import KEY, Scene, said, scene
from tests.support.virtual import FLAVOR, FROZEN, TWO_GROUPS, YEARLY
from tests.torture.apiserver import Json

Taken = Callable[[], Json]

ABSENT: Final = "0123456789abcdef0123456789abcdefin09"
OTHER_GROUP: Final = "0123456789abcdef0123456789abcdefgr09"
LARGER: Final = "5b0c8e5d-93a1-3d0c-bb43-6a0f1d2e7c94"
FIRST_OF_TWO: Final = "b4153b807b1a4f83870bf868fcc4f4eagr09"
MOSTLY_DONE: Final = 50
SOLD_OUT: Final = tuple((f"cn-north-4{zone}", "sellout") for zone in "abc")
LATE_STATUS: Final = {"settle_order": ("job", "count", "status", "health"), "settle_gaps": (0.0, 0.0, 90.0)}


def _declared(reason: str, nodes: int | None = 2, **spec: Any) -> Taken:
    """Said of an object that is declared so."""

    def taken() -> Json:
        with scene() as at:
            at.declare(nodes, **spec)
            return at.reason(reason)

    return taken


def _with(reason: str, prepare: Callable[[Scene], None], nodes: int = 4, **kinds: Any) -> Taken:
    """Said when something is in the way before it is declared."""

    def taken() -> Json:
        with scene(**kinds) as at:
            prepare(at)
            at.declare(nodes)
            return at.reason(reason)

    return taken


def _fault(reason: str, kind: str, nodes: int = 4, **fields: Any) -> Taken:
    return _with(reason, lambda at: at.fault(kind, **fields), nodes)


def _refused(reason: str, code: str, status: int = 400) -> Taken:
    """Said when the cloud refuses the call."""
    return _fault(reason, "error", route="enlarge", status=status, code=code, message="Refused by the cloud.")


def _instance(reason: str, **fields: Any) -> Taken:
    return _with(reason, lambda at: at.instance(**fields))


def _growing(at: Scene, beyond: int = 0) -> Json:
    at.declare(2)
    at.reason(reasons.AS_DECLARED)
    at.change(spec={"nodes": 4})
    at.reason(reasons.SCALING_OUT)
    return at.until(lambda body: (body["status"]["operation"].get("progressPercent") or -1) >= beyond)


def _scaling_out() -> Json:
    with scene() as at:
        return _growing(at, 1)


def _further() -> Json:
    with scene() as at:
        return _growing(at, MOSTLY_DONE)


def _paused_meanwhile() -> Json:
    with scene() as at:
        _growing(at)
        at.change(spec={"paused": True})
        return at.until(lambda body: body["status"]["observedGeneration"] == body["metadata"]["generation"])


def _changed() -> Json:
    with scene() as at:
        at.declare(2)
        at.reason(reasons.AS_DECLARED)
        at.change(spec={"nodes": 4})
        return at.snapshot()


def _never_looked_at() -> Json:
    with scene() as at:
        at.declare(2)
        return at.snapshot()


def _settling() -> Json:
    with scene(cloud={"job_seconds": 30.0}) as at:
        at.declare(2)
        at.reason(reasons.AS_DECLARED)
        at.by_hand(remove=1, job=True)
        at.until(lambda _: at.nodes() == 1)
        at.change(spec={"nodes": 3})
        return at.reason(reasons.SETTLING)


def _nobody_knows(at: Scene) -> None:
    at.fault("lost", route="enlarge", executed=False, count=1)
    at.declare(4)
    at.reason(reasons.CONFIRMING)
    at.instance(status="BACKUP")
    at.reason(reasons.OUTCOME_UNKNOWN)


def _outcome_unknown() -> Json:
    with scene() as at:
        _nobody_knows(at)
        return at.snapshot()


def _abandoned() -> Json:
    with scene() as at:
        _nobody_knows(at)
        operation = at.snapshot()["status"]["operation"]["id"]
        at.change(metadata={"annotations": {RESOLVE_ANNOTATION: f"{operation}=abandon"}})
        return at.reason(reasons.OPERATION_ABANDONED)


def _not_understood() -> Json:
    with scene() as at:
        _growing(at)
        at.rewrite_operation(type="ScaleIn")
        return at.reason(reasons.OPERATION_NOT_UNDERSTOOD)


def _claimed() -> Json:
    with scene() as at:
        at.declare(2, "elder")
        at.reason(reasons.AS_DECLARED, "elder")
        at.wait(1.0)  # who came first is told in whole seconds
        at.declare(4)
        return at.reason(reasons.INSTANCE_CLAIMED)


def _ambiguous(at: Scene) -> None:
    world = at.universe.world
    known = world.flavors.get(FLAVOR)
    assert known is not None
    twin = Flavor("0f2e696c-a9c1-30bd-af90-25522bc67607", known.code, known.iaas_code, 4, 8, "X86")
    world.flavors.put(twin.id, twin, at.universe.clock.now())


def _sold_out(at: Scene) -> None:
    world = at.universe.world
    known = world.flavors.get(FLAVOR)
    assert known is not None
    sold = Flavor(known.id, known.code, known.iaas_code, known.vcpus, known.memory_gb, known.architecture, SOLD_OUT)
    world.flavors.put(known.id, sold, at.universe.clock.now())


def _without_key(reason: str, key: dict[str, str]) -> Taken:
    return _with(reason, lambda _: None, 2, key=key)


def _elsewhere(reason: str, **cloud: Any) -> Taken:
    return _with(reason, lambda _: None, 2, operator={"cloud": cloud})


OF_READY: Final[dict[str, Taken]] = {
    reasons.AS_DECLARED: _declared(reasons.AS_DECLARED),
    reasons.OBSERVE_ONLY: _declared(reasons.OBSERVE_ONLY, None),
    reasons.SCALING_OUT: _scaling_out,
    reasons.CONFIRMING: _fault(reasons.CONFIRMING, "lost", route="enlarge", executed=False),
    reasons.VERIFYING: _with(reasons.VERIFYING, lambda _: None, cloud=LATE_STATUS),
    reasons.PAUSED: _declared(reasons.PAUSED, 4, paused=True),
    reasons.INSTANCE_BUSY: _instance(reasons.INSTANCE_BUSY, status="BACKUP"),
    reasons.NODES_UNHEALTHY: _instance(reasons.NODES_UNHEALTHY, nodes={"*": "abnormal"}),
    reasons.DATA_NODES_NOT_READY: _instance(reasons.DATA_NODES_NOT_READY, data_nodes={"rds-test": "frozen"}),
    reasons.SCHEMA_EXPANDING: _instance(reasons.SCHEMA_EXPANDING, schemas={"mytestdb170": "EXPANDING"}),
    reasons.FLAVOR_SOLD_OUT: _with(reasons.FLAVOR_SOLD_OUT, _sold_out),
    reasons.SETTLING: _settling,
    reasons.RETRYING: _fault(reasons.RETRYING, "job-fails", route="enlarge"),
    reasons.CLOUD_UNREACHABLE: _fault(reasons.CLOUD_UNREACHABLE, "reset"),
    reasons.CLOUD_INTERNAL_ERROR: _fault(reasons.CLOUD_INTERNAL_ERROR, "error", status=503),
    reasons.CLOUD_ANSWER_UNREADABLE: _fault(reasons.CLOUD_ANSWER_UNREADABLE, "garbage", route="instance*"),
    reasons.THROTTLED: _fault(reasons.THROTTLED, "throttled"),
    reasons.OUTCOME_UNKNOWN: _outcome_unknown,
    reasons.OPERATION_OVERDUE: _fault(reasons.OPERATION_OVERDUE, "job-stuck", route="enlarge"),
    reasons.OPERATION_ABANDONED: _abandoned,
    reasons.OPERATION_NOT_UNDERSTOOD: _not_understood,
    reasons.SCALE_OUT_FAILED: _fault(reasons.SCALE_OUT_FAILED, "job-fails", route="enlarge"),
    reasons.SCALE_OUT_PARTIAL: _fault(reasons.SCALE_OUT_PARTIAL, "job-fails", route="enlarge", kept_nodes=1),
    reasons.NODES_FAILED: _instance(reasons.NODES_FAILED, nodes={"*": "enlargefail"}),
    reasons.SCALE_IN_FORBIDDEN: _declared(reasons.SCALE_IN_FORBIDDEN, 1),
    reasons.INSTANCE_CLAIMED: _claimed,
    reasons.INSTANCE_NOT_FOUND: _declared(reasons.INSTANCE_NOT_FOUND, 4, instanceId=ABSENT),
    reasons.INSTANCE_FROZEN: _declared(reasons.INSTANCE_FROZEN, 4, instanceId=FROZEN),
    reasons.INSTANCE_FAULTY: _instance(reasons.INSTANCE_FAULTY, status="ERROR"),
    reasons.GROUP_NOT_FOUND: _declared(reasons.GROUP_NOT_FOUND, 4, groupId=OTHER_GROUP),
    reasons.GROUP_REQUIRED: _declared(reasons.GROUP_REQUIRED, 4, instanceId=TWO_GROUPS),
    reasons.NODE_LIMIT_EXCEEDED: _declared(
        reasons.NODE_LIMIT_EXCEEDED, 32, instanceId=TWO_GROUPS, groupId=FIRST_OF_TWO
    ),
    reasons.STEP_TOO_LARGE: _declared(reasons.STEP_TOO_LARGE, 20),
    reasons.YEARLY_MONTHLY: _declared(reasons.YEARLY_MONTHLY, 4, instanceId=YEARLY),
    reasons.FLAVOR_NOT_USABLE: _declared(reasons.FLAVOR_NOT_USABLE, 4, flavorId=LARGER),
    reasons.FLAVOR_AMBIGUOUS: _with(reasons.FLAVOR_AMBIGUOUS, _ambiguous),
    reasons.QUOTA_EXCEEDED: _refused(reasons.QUOTA_EXCEEDED, "DBS.200046"),
    reasons.REQUEST_INVALID: _refused(reasons.REQUEST_INVALID, "DBS.280001"),
    reasons.REQUEST_REFUSED: _refused(reasons.REQUEST_REFUSED, "DBS.300360"),
    reasons.INVALID_SPEC: _elsewhere(reasons.INVALID_SPEC, region=None),
    reasons.STATUS_REFUSED: _with(reasons.STATUS_REFUSED, Scene.old_crd),
    reasons.CREDENTIALS_MISSING: _without_key(reasons.CREDENTIALS_MISSING, {}),
    reasons.CREDENTIALS_REJECTED: _without_key(
        reasons.CREDENTIALS_REJECTED, KEY | {"HUAWEICLOUD_SDK_SK": "Another-Example-Key"}
    ),
    reasons.PERMISSION_DENIED: _fault(reasons.PERMISSION_DENIED, "error", status=403, code="DBS.200010"),
    reasons.PROJECT_NOT_FOUND: _elsewhere(reasons.PROJECT_NOT_FOUND, region="cn-south-1", project_id=None),
    reasons.ENDPOINT_NOT_FOUND: _fault(reasons.ENDPOINT_NOT_FOUND, "not-published"),
}
"""By the reason of Ready."""


def _available(reason: str, status: str) -> Taken:
    def taken() -> Json:
        with scene() as at:
            at.instance(status=status)
            at.declare(None)
            return at.until(lambda body: said(body, "Available").get("reason") == reason)

    return taken


SITUATIONS: Final[dict[str, Taken]] = {
    "NeverLookedAt": _never_looked_at,
    "Changed": _changed,
    "ScalingOutFurther": _further,
    "ScalingOutPaused": _paused_meanwhile,
    "PausedAsDeclared": _declared(reasons.AS_DECLARED, paused=True),
    "ObservedAndServing": _available(reasons.SERVING, "RUNNING"),
    "ObservedAndNotServing": _available(reasons.NOT_SERVING, "FROZEN"),
    "ObservedAndUnknown": _available(reasons.STATUS_UNKNOWN, "POLISHING"),
}
"""What Ready's reason alone does not tell apart."""


def moments() -> dict[str, Taken]:
    """All, by the name of the file."""
    return OF_READY | SITUATIONS
