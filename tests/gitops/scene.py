"""One object, one operator and one simulated cloud in virtual time, taken to where a condition has a given reason.

It is the real engine with its real codec and cloud client, as in ``tests/torture``, and nothing goes wrong by chance.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final

from typing_extensions import override

from ddm_operator.kube.client import AnsweredError
from ddm_operator.settings import Settings
from ddm_simulator import changes
from ddm_simulator import settings as cloud_settings
from ddm_simulator.faults import ADAPTER
from tests.support.virtual import INSTANCE
from tests.torture.apiserver import ROOT, Json, StandIn, copy
from tests.torture.replica import Hearer, Replica, operator_settings
from tests.torture.universe import SECRETS, Universe

NAMESPACE: Final = "shop"
LONGEST: Final = 12 * 3600.0
"""Seconds until something must have been seen."""
PATIENCE: Final = 20.0
"""Seconds of computing for the same: an operator that asks all the time would never get there."""
KEY: Final = {"HUAWEICLOUD_SDK_AK": "EXAMPLEACCESSKEY0001", "HUAWEICLOUD_SDK_SK": SECRETS[0]}

Holds = Callable[[Json], bool]


class Nobody(Hearer):
    """Nothing is watched here but what is stored."""

    @override
    def sends(self, number: int, method: str, path: str, body: Mapping[str, Any] | None) -> None: ...

    @override
    def stores(self, number: int, before: Json, after: Json) -> None: ...

    @override
    def calls(self, number: int, entry_id: str) -> None: ...

    @override
    def says(self, text: str) -> None: ...


@dataclass
class OldCrd:
    """In the stand-in's place: an API server whose CRD refuses an operation in ``status``."""

    server: StandIn

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        if method == "PUT" and (body or {}).get("status", {}).get("operation"):
            cause = {"field": "status.operation.type", "message": "Unsupported value"}
            answer = {"message": "DDMInstance is invalid", "details": {"name": "orders", "causes": [cause]}}
            raise AnsweredError(HTTPStatus.UNPROCESSABLE_ENTITY, answer, None)
        return self.server.request(method, path, body)


class Scene:
    """What happens, deed by deed.

    Args:
        folder: where the credential's files are.
        cloud: how the simulated cloud behaves.
        key: the operator's credential.
        operator: parts of the operator's settings that are not as usual.
    """

    def __init__(
        self, folder: Path, cloud: Mapping[str, Any], key: Mapping[str, str], operator: Mapping[str, Any]
    ) -> None:
        for name, value in key.items():
            (folder / name).write_text(value)
        usual = operator_settings()
        parts = {"cloud": usual.cloud.model_dump(exclude_unset=True) | operator.get("cloud", {})}
        settings = Settings.model_validate({"credentials": {"dir": str(folder), "own_namespaces": ["*"]}} | parts)
        self.universe = Universe(cloud_settings.Settings.model_validate(cloud), Random(1))
        self.replica = Replica(self.universe, Nobody(), 1, settings)

    # What people do.

    def declare(self, nodes: int | None = 2, name: str = "orders", **spec: Any) -> None:
        """A new object, of the seed's instance with a schema unless told otherwise."""
        wanted = {"instanceId": INSTANCE, **({} if nodes is None else {"nodes": nodes}), **spec}
        body = {"apiVersion": "ddm.huaweicloud.com/v1beta1", "kind": "DDMInstance", "spec": wanted}
        path = f"{ROOT}/namespaces/{NAMESPACE}/ddminstances"
        self.universe.api.request("POST", path, body | {"metadata": {"name": name}})

    def change(self, name: str = "orders", **parts: Any) -> None:
        """A merge patch."""
        self.universe.api.request("PATCH", f"{ROOT}/namespaces/{NAMESPACE}/ddminstances/{name}", parts)

    def rewrite_operation(self, **fields: Any) -> None:
        """Another version of the operator writes the journal."""
        body = self.snapshot()
        body["status"]["operation"] |= fields
        self.universe.api.request("PUT", f"{ROOT}/namespaces/{NAMESPACE}/ddminstances/orders/status", body)

    # What the cloud does.

    def fault(self, kind: str, **fields: Any) -> None:
        """Something goes wrong from now on."""
        fault = ADAPTER.validate_python({"kind": kind, **fields})
        self.universe.world.faults.add(fault, self.universe.clock.now())

    def instance(self, key: str = INSTANCE, **fields: Any) -> None:
        """Something about the instance is otherwise."""
        changes.change_instance(self.universe.world, key, changes.InstanceChange.model_validate(fields))

    def by_hand(self, **fields: Any) -> None:
        """Somebody adds or removes nodes in the console."""
        changes.scale(self.universe.world, INSTANCE, changes.NodesChange.model_validate(fields))

    def nodes(self) -> int:
        """How many nodes the instance truly has."""
        return len(changes.find_instance(self.universe.world, INSTANCE).nodes)

    def old_crd(self) -> None:
        """The API server has a CRD that does not know what the operator writes."""
        self.universe.api = OldCrd(self.universe.api)  # type: ignore[assignment]  # stands in its place

    # Time.

    def until(self, holds: Holds, name: str = "orders") -> Json:
        """Let time pass until the stored object is so.

        Raises:
            TimeoutError: it never is; tells what it is.
        """
        end, patience = self.universe.time + LONGEST, time.process_time() + PATIENCE
        while not holds(body := self.snapshot(name)):
            while self.replica.loop.step():
                pass
            due = min(self.universe.next_due(), self.replica.next_due)
            if due > end or time.process_time() > patience or self.replica.loop.failures:
                raise TimeoutError(f"{self.replica.loop.failures} {body['status']}")
            self.universe.advance(due)
        return body

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.universe.time + seconds
        while self.universe.time < end:
            while self.replica.loop.step():
                pass
            self.universe.advance(min(end, self.universe.next_due(), self.replica.next_due))

    def reason(self, reason: str, name: str = "orders") -> Json:
        """Let time pass until Ready has that reason for what the spec says."""
        return self.until(lambda body: said(body, "Ready").get("reason") == reason and current(body), name)

    def snapshot(self, name: str = "orders") -> Json:
        """The object as it is stored."""
        body: Json = copy(self.universe.api.stored[f"{NAMESPACE}/{name}"])
        return body


def said(body: Json, kind: str) -> Json:
    """A condition; empty when there is none of that type."""
    conditions: list[Json] = body["status"].get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def current(body: Json) -> bool:
    """Whether the status speaks of the spec as it is."""
    same: bool = body["status"]["observedGeneration"] == body["metadata"]["generation"]
    return same


@contextmanager
def scene(
    cloud: Mapping[str, Any] | None = None,
    key: Mapping[str, str] | None = None,
    operator: Mapping[str, Any] | None = None,
) -> Iterator[Scene]:
    """A scene; nothing of it is left."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        made = Scene(Path(folder), cloud or {}, KEY if key is None else key, operator or {})
        try:
            yield made
        finally:
            made.replica.die()
            made.replica.bury()
            made.universe.close()
            logging.disable(logging.NOTSET)
