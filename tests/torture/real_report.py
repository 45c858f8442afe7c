"""The table at the end of a torture run, over all workers; a pytest plugin (``-p tests.torture.real_report``).

It imports none of the tests' support: as a plugin it comes before pytest rewrites the asserts in there.
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.torture.real_death import DEATHS, RESTARTS, Death

REPORT = "TORTURE_REPORT"
"""Environment variable: path of a file that the table is written to, as Markdown."""

HEAD = ("window", "times", "duplicates", "losses", "median", "worst", "of it to the Lease", "of it settling")

NOTE = """\
Duplicates and losses are counted in nodes. Times are seconds from the restart to Ready for what was declared last, the
cloud's job included: medians, and the worst. Two parts of them are waited by design: for the Lease of the dead, and for
a settle period where nothing shows that a call was executed. Both are much shorter here than by default. Operators that
ended by themselves, because they lost the Lease while the API server was away or the machine busy, and were started
again: {restarts}.
"""


def markdown(deaths: list[Death], restarts: int, order: list[str]) -> str:
    """All tables, one for each deed; windows in their order."""
    parts = []
    deeds = Counter(death["deed"] for death in deaths)
    for deed in sorted(deeds, key=lambda deed: (not deed.endswith("of the operator"), -deeds[deed], deed)):
        mine = [death for death in deaths if death["deed"] == deed]
        windows = sorted({death["window"] for death in mine}, key=order.index)
        rows = [_row(window, [death for death in mine if death["window"] == window]) for window in windows]
        parts.append(_table(deed, [*rows, _row("**all**", mine)]))
    return "\n\n".join([*parts, NOTE.format(restarts=restarts)])


def _table(title: str, rows: list[tuple[str, ...]]) -> str:
    lines = [HEAD, ("---", *["---:"] * (len(HEAD) - 1)), *rows]
    return f"### {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(text: str, deaths: list[Death]) -> tuple[str, ...]:
    ended = [death for death in deaths if death["recovery"] is not None]
    times = [death["recovery"] or 0.0 for death in ended]
    return (
        text,
        str(len(deaths)),
        str(sum(death["duplicates"] for death in deaths)),
        str(sum(death["losses"] for death in deaths)),
        _median(times),
        f"{max(times):.1f}" if times else "-",
        _median([death["lease"] for death in ended]),
        _median([death["settle"] for death in ended]),
    )


def _median(times: list[float]) -> str:
    return f"{statistics.median(times):.1f}" if times else "-"


def _told(reports: Iterable[Any], name: str) -> list[Any]:
    """A property of every test that ran, of its call only: the other phases carry it too."""
    return [
        value for report in reports if report.when == "call" for key, value in report.user_properties if key == name
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.getreports(outcome)]
    deaths: list[Death] = [death for told in _told(reports, DEATHS) for death in told]
    if not deaths:
        return
    from tests.torture.real_windows import ALL  # noqa: PLC0415  # see the module's description

    order = [window.text for window in ALL]
    text = markdown(deaths, sum(len(told) for told in _told(reports, RESTARTS)), order)
    terminalreporter.section("torture")
    terminalreporter.write_line(text)
    if path := os.environ.get(REPORT):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
