"""The runbook has what a person needs for every reason, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.model import Operation, Phase, Status
from ddm_operator.domain.report import JOURNAL_PUT_BACK, RESOLVE_REFUSED, announcements

TEXT = Path("docs/runbook.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### ([A-Z][A-Za-z]+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


EVERY_REASON = reasons.CONDITION_REASONS | reasons.AVAILABLE_REASONS | reasons.OPERATION_REASONS


def test_every_reason_has_an_entry_and_every_entry_a_reason() -> None:
    said = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert set(ENTRIES) == EVERY_REASON == said
    assert len(re.findall(r"^### [A-Z][A-Za-z]+$", TEXT, re.MULTILINE)) == len(ENTRIES)


@pytest.mark.parametrize("reason", sorted(EVERY_REASON))
def test_an_entry_says_what_it_means_what_the_operator_does_and_what_to_do(reason: str) -> None:
    parts = re.findall(r"^- \*\*(.+?)\*\*: \S", ENTRIES[reason], re.MULTILINE)
    assert parts == ["Means", "The operator", "You"]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("## Nothing to do", reasons.DONE),
        ("## It ends by itself", reasons.HEALING),
        ("## A person has to act", reasons.STALLING),
        ("## Whether the instance serves", reasons.AVAILABLE_REASONS),
        ("## Why an operation ended", reasons.OPERATION_REASONS),
    ],
)
def test_it_stands_where_it_belongs(heading: str, expected: frozenset[str]) -> None:
    section = TEXT.partition(heading + "\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^### ([A-Z][A-Za-z]+)$", section, re.MULTILINE)) == expected


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


def test_variables_that_it_names_exist() -> None:
    configuration = Path("docs/configuration.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(DDM_[A-Z_]+)`", TEXT):
        assert f"`{name}`" in configuration, name


def test_every_event_is_listed() -> None:
    table = TEXT.partition("\n## Events\n")[2]
    phases = (
        announcements(Status(), Status(operation=Operation(id="op-1", type="ScaleOut", phase=phase))) for phase in Phase
    )
    told = {said.reason for announced in phases for said in announced} | {RESOLVE_REFUSED, JOURNAL_PUT_BACK}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == told
