"""What a check finds, and how it is told to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from ddm_operator.redaction import redactor

Result = Literal["passed", "failed", "skipped"]

MARKS: Final[dict[Result, str]] = {"passed": "✓", "failed": "✗", "skipped": "-"}


@dataclass(frozen=True)
class Finding:
    """One line.

    Args:
        check: its name.
        result: ``skipped`` when it could not be made.
        message: what was found, or why nothing was looked at.
        advice: what a person can do; empty when there is nothing to do.
    """

    check: str
    result: Result
    message: str
    advice: str = ""


class TroubleError(Exception):
    """A check has failed; says what is wrong and what a person can do."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed, and nothing had to be left out because of that."""
    return all(finding.result == "passed" for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """A line each; what to do is below it."""
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.result]} {finding.check:<{width}}  {_flat(finding.message)}")
        if finding.advice:
            lines.append(f"  {'':<{width}}  → {_flat(finding.advice)}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """One document: whether all is well, and the checks in their order."""
    checks = [{key: redactor.clean(value) for key, value in asdict(finding).items()} for finding in findings]
    return json.dumps({"healthy": healthy(findings), "checks": checks}, indent=2, ensure_ascii=False)


def _flat(text: str) -> str:
    return " ".join(redactor.clean(text).split())
