"""Every claim of the page about security names a test, and the test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path("docs/security.md")
TEXT = PAGE.read_text(encoding="utf-8")
PROOFS = re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", TEXT)
ROWS = [
    line
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| May not", "| Claim"))
]


def named_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("name", "file"), sorted(set(PROOFS)))
def test_a_test_that_is_named_is_there(name: str, file: str) -> None:
    assert name in named_in(Path(file))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:40])
def test_every_claim_names_a_test(row: str) -> None:
    assert re.search(r"\[test_\w+\]\(\.\./tests/", row.rsplit("|", 2)[1])


def test_every_place_of_an_attacker_is_treated() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert headings[:5] == [
        "A tenant",
        "A compromised pod",
        "A hostile network",
        "A hostile answer",
        "A reader of logs",
    ]
    assert len(ROWS) >= 20
