"""A request on its way through an endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from typing_extensions import override

from ddm_simulator import errors
from ddm_simulator.messages import Request
from ddm_simulator.model import Fate, Instance
from ddm_simulator.world import World

Body = TypeVar("Body", bound=BaseModel)

_HIGHEST_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    user_id: str
    name: str
    project_id: str | None = None
    """The one project that the credential is good for; None: all of the user's."""

    @override
    def __str__(self) -> str:
        return self.name


ANONYMOUS = Caller("", "anonymous")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class Call:
    """What an endpoint is given."""

    world: World
    request: Request
    route: str
    params: Mapping[str, str]
    caller: Caller
    now: float
    at: float | None = None
    """Reads show the state of this moment; None: the state of now."""
    hidden_jobs: tuple[str | None, ...] = ()

    @property
    def seen_at(self) -> float:
        """The moment whose state a read shows."""
        return self.now if self.at is None else self.at

    @property
    def project_id(self) -> str:
        """The project of the path."""
        return self.params["project_id"]

    def instance(self) -> Instance:
        """The instance of the path.

        Raises:
            RefusalError: The project has none of that id.
        """
        found = self.world.instances.get(self.params["instance_id"], self.at)
        if found is None or found.project_id != self.project_id:
            raise errors.refuse(errors.NO_SUCH_INSTANCE)
        return found

    def fate(self, instance: Instance) -> Fate:
        """How the job of the operation that is being accepted will end."""
        return self.world.faults.fate(self.route, instance.id, instance.project_id, self.now)

    def page(self, default_limit: int = 10) -> Page:
        """`offset` and `limit` of the query.

        Raises:
            RefusalError: They are no numbers, or out of bounds.
        """
        offset = self._number("offset", 0)
        limit = self._number("limit", default_limit)
        if not 1 <= limit <= _HIGHEST_LIMIT:
            raise errors.refuse(errors.PARAMETER_ERROR)
        return Page(offset, limit)

    def body(self, kind: type[Body]) -> Body:
        """The JSON body.

        Raises:
            RefusalError: There is none, it is declared as something else, or it has another shape.
        """
        if not self.request.headers.get("content-type", "").startswith("application/json"):
            raise errors.refuse(errors.PARAMETER_ERROR, "The content type must be application/json.", status=415)
        try:
            return kind.model_validate(json.loads(self.request.body))
        except (ValidationError, ValueError):
            raise errors.refuse(errors.PARAMETER_ERROR) from None

    def _number(self, name: str, default: int) -> int:
        text = self.request.parameter(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise errors.refuse(errors.PARAMETER_ERROR)
        return int(text)
