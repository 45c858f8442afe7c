"""Log lines for people: time, level, message and what it is about, coloured where the stream can."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text
from typing_extensions import override

from ddm_operator.logs import fields
from ddm_operator.redaction import Redactor

STYLES = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
"""A text from outside must neither begin a line of its own nor command the terminal."""


class TerminalHandler(logging.Handler):
    """Writes to a person's terminal, or to a file that a person reads."""

    def __init__(self, stream: TextIO, hide: Redactor) -> None:
        super().__init__()
        self._console = Console(file=stream, markup=False, emoji=False, highlight=False)
        self._hide = hide

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._console.print(self._line(record), soft_wrap=True)
        except (OSError, TypeError, ValueError):
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> Text:
        line = Text.assemble(
            (f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%S}Z ", "dim"),
            (f"{record.levelname:<7} ", STYLES.get(record.levelname, "")),
            self._clean(record.getMessage()),
            *((f"  {name}={self._clean(str(value))}", "cyan") for name, value in fields(record).items()),
        )
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
            line.append("\n" + self._hide.clean(trace), "dim")
        return line

    def _clean(self, text: str) -> str:
        return CONTROL.sub(" ", self._hide.clean(text)).strip()
