"""Log lines, as a person and as a collector get them."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime

import pytest
from typing_extensions import override

from ddm_operator import logs
from ddm_operator.redaction import redactor
from ddm_operator.repeats import MOST

logger = logging.getLogger("ddm_operator.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, hook = root.level, root.handlers[:], sys.excepthook
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def json_lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_per_line_with_the_nouns_as_fields_and_utc() -> None:
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    logger.info(
        "Requested %d nodes",
        2,
        extra={"job": "j1", "operation": "", "object": "shop/orders", "instance": "in09", "seconds": 0.5},
    )
    [line] = json_lines(stream)
    assert datetime.fromisoformat(str(line.pop("time"))).utcoffset() is not None
    assert line == {
        "level": "INFO",
        "logger": "ddm_operator.test",
        "message": "Requested 2 nodes",
        "object": "shop/orders",
        "instance": "in09",
        "job": "j1",
        "seconds": 0.5,
    }


def test_text_is_one_line_with_the_nouns_in_reading_order() -> None:
    stream = io.StringIO()
    logs.set_up("text", "INFO", stream)
    logger.warning("Requested", extra={"job": "j1", "object": "shop/orders"})
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ WARNING Requested  object=shop/orders  job=j1\n", stream.getvalue())


def test_a_long_text_line_stays_one_line() -> None:
    stream = io.StringIO()
    logs.set_up("text", "INFO", stream)
    logger.info("word " * 200)
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_asks_whether_a_person_reads(stream: io.StringIO, is_json: bool) -> None:  # noqa: FBT001  # a table's column
    logs.set_up("auto", "INFO", stream)
    logger.info("hello")
    assert stream.getvalue().startswith("{") == is_json


def test_text_from_outside_begins_no_line_and_commands_no_terminal() -> None:
    stream = io.StringIO()
    logs.set_up("text", "INFO", stream)
    logger.info("fail_reason: a\n12:00:00Z INFO    forged \x1b[2J", extra={"job": "x\r\ny"})
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2J" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_shows_colours_unless_it_is_told_not_to(
    monkeypatch: pytest.MonkeyPatch,
    no_color: str,
    coloured: bool,  # noqa: FBT001  # a table's column
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    logs.set_up("text", "INFO", stream)
    logger.error("Failed", extra={"job": "j1"})
    assert ("\x1b[31m" in stream.getvalue()) == coloured
    assert stream.getvalue().endswith("\n")


def test_square_brackets_are_no_markup() -> None:
    stream = io.StringIO()
    logs.set_up("text", "INFO", stream)
    logger.info("[bold]status[/bold] [1, 2]")
    assert "[bold]status[/bold] [1, 2]" in stream.getvalue()


def test_libraries_are_quiet_until_they_warn() -> None:
    stream = io.StringIO()
    logs.set_up("json", "DEBUG", stream)
    for name in ("kopf.objects", "httpx", "kubernetes.client.rest", "aiohttp.access", "asyncio"):
        logging.getLogger(name).info("a request")
        logging.getLogger(name).warning("it is about to break")
    logger.debug("ours")
    assert {line["level"] for line in json_lines(stream)} == {"WARNING", "DEBUG"}


def test_what_kopf_says_of_an_object_has_our_field() -> None:
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    reference = {"namespace": "shop", "name": "orders", "uid": "u"}
    logging.getLogger("kopf.objects").warning("oh", extra={"k8s_ref": reference, "k8s_skip": True})
    [line] = json_lines(stream)
    assert line["object"] == "shop/orders"
    assert not {"k8s_ref", "k8s_skip"} & line.keys()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_is_shown_without_the_secret_in_it(form: logs.Form) -> None:
    stream = io.StringIO()
    secret = "pass'word\\1"
    redactor.hide(secret)
    logs.set_up(form, "INFO", stream)
    try:
        int(secret)
    except ValueError:
        logger.exception("The call failed with %r", secret, extra={"body": secret.encode()})
    assert "ValueError: invalid literal" in stream.getvalue()
    assert "***" in stream.getvalue()
    assert "word" not in stream.getvalue()


def test_warnings_become_log_lines() -> None:
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("deprecated", stacklevel=1)
    assert "deprecated" in str(json_lines(stream)[0]["message"])


def test_what_kills_the_process_is_a_log_line() -> None:
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    error = RuntimeError("password=hunter2")
    sys.excepthook(RuntimeError, error, None)
    [line] = json_lines(stream)
    assert line["level"] == "CRITICAL"
    assert "hunter2" not in stream.getvalue()


def test_a_library_that_warns_of_every_retry_is_heard_a_few_times_a_minute_and_counted() -> None:
    """As Kopf does for each of a thousand namespaces while the API server is away."""
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    for second in range(120):
        for namespace in range(50):
            text = f"Request attempt #1/9 failed; will retry: GET {namespace}"
            _heard("kopf._cogs.clients.api", logging.ERROR, text, second)
    _heard("ddm_operator.engine.reconcile", logging.INFO, "Something else", 200)
    told = [str(line["message"]) for line in json_lines(stream)]
    retries = [text for text in told if text.startswith("Request attempt")]
    counted = [int(text.split()[0]) for text in told if "more warnings" in text]
    assert len(retries) == 2 * MOST
    assert len(retries) + sum(counted) == 120 * 50
    assert len(counted) == 2
    assert told[-1] == "Something else"


@pytest.mark.parametrize(("name", "level"), [("ddm_operator.engine.journal", 30), ("ddm_operator.kube.lease", 20)])
def test_what_is_no_repeated_warning_is_not_held_back(name: str, level: int) -> None:
    stream = io.StringIO()
    logs.set_up("json", "INFO", stream)
    for _ in range(5 * MOST):
        _heard(name, level, "One thing that happened", 0)
    assert len(json_lines(stream)) == 5 * MOST


def _heard(name: str, level: int, text: str, second: float) -> None:
    record = logging.LogRecord(name, level, "somewhere.py", 125, text, None, None)
    record.created = second
    logging.getLogger(name).handle(record)
