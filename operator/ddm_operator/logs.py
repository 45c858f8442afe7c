"""Logging: one line per thing that happened, for people on a terminal and as JSON elsewhere, in UTC.

Who logs gives the nouns as ``extra``: ``object`` (namespace/name), ``instance``, ``operation`` and ``job``; they become
fields. Nothing leaves the process before ``redaction`` has seen it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

from typing_extensions import override

from ddm_operator.redaction import Redactor, redactor
from ddm_operator.repeats import Repeats

Form = Literal["auto", "text", "json"]

NOUNS = ("object", "instance", "operation", "job")
"""The fields that say what a line is about, in the order in which people read them."""

NOT_FIELDS = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
"""Attributes of a record that are Python's own."""

KOPF_FIELDS = frozenset({"k8s_ref", "k8s_skip", "settings"})
"""Attributes of a record that Kopf attaches for its own formatters."""

LIBRARIES = ("aiohttp", "asyncio", "httpcore", "httpx", "kopf", "kubernetes", "urllib3")
"""They tell of every request and every reconnect; from WARNING on they have something to say."""

REPEATING = ("ddm_operator.cloud", "ddm_operator.handlers", "ddm_operator.knowledge", "ddm_operator.kube")
"""Of our own, what warns of one side and not of one object: again and again while that is away."""


def set_up(form: Form, level: str, stream: TextIO | None = None) -> None:
    """Send everything that this process logs, warns of or dies of to one stream.

    Args:
        form: ``auto`` is text when the stream is a terminal.
        level: name of the least important level that is shown.
        stream: stderr when absent.
    """
    stream = stream or sys.stderr
    people = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_text_lines(stream) if people else JsonLines(redactor))
    handler.addFilter(Repeats(handler, (*LIBRARIES, *REPEATING)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    sys.excepthook = _log_what_killed


def _text_lines(stream: TextIO) -> logging.Formatter:
    from ddm_operator.terminal import TextLines  # noqa: PLC0415  # it takes the fields from here

    return TextLines(redactor, colours=stream.isatty() and not os.environ.get("NO_COLOR"))


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What was given as ``extra``, the nouns first; what is empty is left out."""
    extra = {name: value for name, value in vars(record).items() if name not in NOT_FIELDS | KOPF_FIELDS}
    reference = getattr(record, "k8s_ref", None)
    if isinstance(reference, dict):
        extra.setdefault("object", "/".join(filter(None, (reference.get("namespace"), reference.get("name")))))
    order = [*(name for name in NOUNS if name in extra), *(name for name in extra if name not in NOUNS)]
    return {name: extra[name] for name in order if extra[name] not in (None, "")}


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, fields, and the traceback when there is one."""

    def __init__(self, hide: Redactor) -> None:
        super().__init__()
        self._hide = hide

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: self._clean(value) for name, value in line.items()}, ensure_ascii=False)

    def _clean(self, value: object) -> str | float:
        return value if isinstance(value, int | float) else self._hide.clean(str(value))


def _log_what_killed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger(__name__).critical("The process ends: %s", error, exc_info=(kind, error, trace))
