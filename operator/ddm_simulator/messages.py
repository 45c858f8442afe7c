"""What goes in and out of the simulated cloud, free of any HTTP library."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    """Decoded, without the query."""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def json(self) -> object:
        """The body as JSON; as text when it is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of the service."""

    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body as bytes."""
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


class Ending(Enum):
    """What becomes of the connection."""

    ANSWERED = auto()
    RESET = auto()
    SILENCE = auto()
    """Nothing is sent, and the connection stays open for a while."""
    TRUNCATED = auto()
    """Half of the body, then the end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller gets to see of a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ending: Ending = Ending.ANSWERED
    silent_seconds: float = 0.0
    """How long the connection stays open in silence."""
    deaf_seconds: float = 0.0
    """How long connections are refused from now on."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A request does not go on before one of these has come."""

    ready: Callable[[], bool] = lambda: False
    at: float | None = None
    """A moment of the cloud's clock."""
    timeout: float | None = None
    """Seconds of whoever waits, whatever the cloud's clock does."""


Exchange: TypeAlias = Generator[Pause, None, Reply]
"""A request on its way: yields where it has to wait, returns what its caller gets."""
