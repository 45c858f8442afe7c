"""What the store counts of its objects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.domain.model import Condition, InstanceStatus, Operation, Resource, Status
from ddm_operator.kube.census import Census
from ddm_operator.kube.store import Store
from tests.support import cases

CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(["Ready", "Stalled", "Available"]),
    status=st.sampled_from(["True", "False"]),
    reason=st.sampled_from(["AsDeclared", "OutcomeUnknown"]),
    message=st.just(""),
)
OPERATIONS = st.none() | st.builds(
    Operation, id=st.just("1"), type=st.just("ScaleOut"), phase=st.sampled_from(["Running", "Succeeded", "Strange"])
)
STATUSES = st.builds(
    Status,
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    operation=OPERATIONS,
    instance=st.none() | st.builds(InstanceStatus, region=st.sampled_from(["a", "b"]), project_id=st.just("p")),
)
STEPS = st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), st.none() | STATUSES), max_size=25)


def resource(name: str, status: Status, version: int) -> Resource:
    return Resource(cases.desired(name=name, uid=name), status, str(version))


@given(STEPS)
def test_whatever_comes_and_goes_the_count_is_that_of_what_is_there(steps: list[tuple[str, Status | None]]) -> None:
    store = Store(monotonic=lambda: 0.0)
    for version, (name, status) in enumerate(steps, 1):
        if status is None:
            store.remove(f"shop/{name}")
        else:
            store.put(resource(name, status, version))
    anew = Census()
    for key in store:
        found = store.get(key)
        assert found is not None
        anew.add(found)
    for part in ("said", "stalled", "opened", "projects"):
        assert getattr(store.census, part) == getattr(anew, part)
    assert len(store.census) == len(store) == len(anew)
