"""Log lines for people: time, level, message and what it is about, coloured where the stream can."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click
from typing_extensions import override

from ddm_operator.logs import fields
from ddm_operator.redaction import Redactor

Style = Mapping[str, Any]

DIM: Final[Style] = {"dim": True}
FIELD: Final[Style] = {"fg": "cyan"}
LEVELS: Final[Mapping[str, Style]] = {
    "DEBUG": DIM,
    "INFO": {"fg": "green"},
    "WARNING": {"fg": "yellow"},
    "ERROR": {"fg": "red", "bold": True},
    "CRITICAL": {"fg": "red", "bold": True},
}

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
"""A text from outside must neither begin a line of its own nor command the terminal."""


class TextLines(logging.Formatter):
    """One line per record, and the traceback below it when there is one.

    Args:
        hide: takes secrets out.
        colours: whether the stream shows them.
    """

    def __init__(self, hide: Redactor, *, colours: bool) -> None:
        super().__init__()
        self._hide = hide
        self._colours = colours

    @override
    def format(self, record: logging.LogRecord) -> str:
        parts = [
            self._styled(f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%S}Z ", DIM),
            self._styled(f"{record.levelname:<7} ", LEVELS.get(record.levelname, {})),
            self._clean(record.getMessage()),
            *(self._styled(f"  {name}={self._clean(str(value))}", FIELD) for name, value in fields(record).items()),
        ]
        if record.exc_info:
            trace = self._hide.clean(self.formatException(record.exc_info))
            parts += ["\n", self._styled(trace, DIM)]
        return "".join(parts)

    def _styled(self, text: str, style: Style) -> str:
        return click.style(text, **style) if self._colours else text

    def _clean(self, text: str) -> str:
        return CONTROL.sub(" ", self._hide.clean(text)).strip()
