"""How much of the state machine the stories reached: every row of the phase table, every event in every phase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.torture.run import Result

OPEN: Final = ("Requesting", "Unconfirmed", "Running", "Verifying")
PHASES: Final = ("none", *OPEN, "Succeeded", "Failed", "Rejected", "Abandoned")
PEOPLE: Final = frozenset({"PermissionDenied", "EndpointNotFound", "RequestRefused", "RequestInvalid"})


def _moved(before: str, after: str, reason: str | None = None, job: str | None = None) -> Callable[[Result], int]:
    def count(result: Result) -> int:
        return sum(
            times
            for (was, now, why, known), times in result.transitions.items()
            if (was, now) == (before, after) and reason in (None, why) and job in (None, known)
        )

    return count


def _said(phases: tuple[str, ...], *reasons: str) -> Callable[[Result], int]:
    def count(result: Result) -> int:
        return sum(times for (phase, why), times in result.said.items() if phase in phases and why in reasons)

    return count


def _healing(result: Result) -> int:
    return sum(n for (phase, why), n in result.said.items() if phase == "Rejected" and why not in PEOPLE)


ROWS: Final[tuple[tuple[str, str, str, Callable[[Result], int]], ...]] = (
    ("Requesting", "this process never sent it", "Rejected (`NotSent`)", _moved("Requesting", "Rejected", "NotSent")),
    ("Requesting", "otherwise", "Unconfirmed", _moved("Requesting", "Unconfirmed")),
    ("Unconfirmed", "a scaling job not in the baseline", "Running", _moved("Unconfirmed", "Running", job="job")),
    ("Unconfirmed", "new nodes or GROWING, no such job", "Running", _moved("Unconfirmed", "Running", job="no job")),
    (
        "Unconfirmed",
        "nothing for a settle period",
        "Rejected (`NeverExecuted`)",
        _moved("Unconfirmed", "Rejected", "NeverExecuted"),
    ),
    (
        "Unconfirmed",
        "several jobs, or no answer for too long",
        "`OutcomeUnknown`",
        _said(("Unconfirmed",), "OutcomeUnknown"),
    ),
    ("Running", "job Running", "progress", _said(("Running",), "ScalingOut")),
    ("Running", "job Completed", "Verifying", _moved("Running", "Verifying", job="done")),
    ("Running", "job Failed", "Failed", _moved("Running", "Failed", "JobFailed")),
    ("Running", "job not to be found, by counting", "Verifying", _moved("Running", "Verifying", job="job")),
    ("Running", "no job was ever known, by counting", "Verifying", _moved("Running", "Verifying", job="no job")),
    ("Verifying", "all nodes serve", "Succeeded", _moved("Verifying", "Succeeded")),
    (
        "Verifying",
        "fewer or unhealthy for a settle period",
        "Failed (`Partial`)",
        _moved("Verifying", "Failed", "Partial"),
    ),
    ("Failed", "clean", "planned again", _moved("after Failed", "Requesting")),
    ("Failed", "otherwise", "Stalled", _said(("Failed",), "ScaleOutFailed", "ScaleOutPartial", "NodesFailed")),
    ("Rejected", "heals by itself", "Reconciling", _healing),
    ("Rejected", "needs a person", "Stalled", _said(("Rejected",), *PEOPLE)),
    ("Rejected", "its cause has ended", "planned again", _moved("after Rejected", "Requesting")),
    ("Abandoned", "-", "no begin until spec.nodes changes", _said(("Abandoned",), "OperationAbandoned")),
    ("any open", "deadline passed", "`OperationOverdue`", _said(OPEN, "OperationOverdue")),
)
"""The design's phase table, and how often each of its rows was seen."""

UNREACHABLE: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "by hand": (OPEN, "somebody scales between operations; during one the cloud refuses"),
}
"""Events that cannot be in some phases, and why."""


def missing(result: Result) -> list[str]:
    """What was never seen although it can be."""
    rows = [f"row: {phase}, {seen}" for phase, seen, _, count in ROWS if not count(result)]
    events = sorted({event for _, event in result.events})
    pairs = [
        f"pair: {event} in {phase}"
        for event in events
        for phase in PHASES
        if not result.events[phase, event] and phase not in UNREACHABLE.get(event, ((), ""))[0]
    ]
    return rows + pairs


def tables(result: Result) -> str:
    """Both tables as Markdown."""
    lines = ["| phase | what is seen | next | times |", "| --- | --- | --- | ---: |"]
    lines += [f"| {phase} | {seen} | {then} | {count(result):,} |" for phase, seen, then, count in ROWS]
    lines += ["", f"| what happened | {' | '.join(PHASES)} |", f"| --- |{' ---: |' * len(PHASES)}"]
    for event in sorted({event for _, event in result.events}):
        cells = " | ".join(
            f"{result.events[phase, event]:,}" if result.events[phase, event] else "-" for phase in PHASES
        )
        lines.append(f"| {event} | {cells} |")
    lines += ["", *(f"- *{event}* in {', '.join(phases)}: {why}." for event, (phases, why) in UNREACHABLE.items())]
    return "\n".join(lines)
