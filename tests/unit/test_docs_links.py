"""Links between the pages lead to a page, and to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = sorted([Path("README.md"), *Path("docs").glob("*.md")])


def anchors(page: Path) -> set[str]:
    """Of its headings, as the usual renderers of Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in links:
        target = page.parent / path if path else page
        assert target.exists(), (path, anchor)
        assert not anchor or anchor in anchors(target), (path, anchor)


def test_troubleshooting_leads_into_the_runbook() -> None:
    text = Path("docs/troubleshooting.md").read_text(encoding="utf-8")
    assert len(set(re.findall(r"runbook\.md#[a-z-]+", text))) > 20
