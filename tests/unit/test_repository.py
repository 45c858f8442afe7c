"""What no file may hold, and what must agree with what."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ddm_operator.environment import variables
from tests.support.repository import ROOT, files, text_of

TEXTS = [path for path in files() if text_of(path)]
PYPROJECT = tomllib.loads(text_of(Path("pyproject.toml")))
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")

# A letter in brackets keeps a pattern from finding itself.
FORBIDDEN = {
    "an address of a package registry": r"p[y]pi\.org|pythonhosted\.[o]rg|registry\.[n]pmjs|proxy\.[g]olang\.org",
    "a path of one machine": r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome|[U]sers)/",
    "something left to do": r"\b(?:[T]ODO|[F]IXME|[X]XX)\b",
    "a tool that wrote it": r"(?i)\b(?:[c]laude|[a]nthropic|[c]hatgpt|[o]penai|[c]opilot)\b|[g]enerated with \[",
    "a conflict that was not solved": r"^(?:<{7} |>{7} |={7}$)",
}

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|<img[^>]+src=\"([^\"]+)\"")
SUPPRESSION = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore)(?P<codes>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w, -]+\])?(.*)"
)


@pytest.mark.parametrize(("what", "pattern"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_no_file_holds(what: str, pattern: str) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in TEXTS
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


@pytest.mark.parametrize("path", files("*.py"), ids=str)
def test_what_is_switched_off_has_a_code_and_a_reason(path: Path) -> None:
    bare = [
        line.strip()
        for line in text_of(path).splitlines()
        if (match := SUPPRESSION.search(line)) and not (match["codes"] and re.search(r"[a-z]{3}", match[3]))
        if "re.compile" not in line
    ]
    assert bare == []


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_a_text_ends_its_lines_properly(path: Path) -> None:
    text = text_of(path)
    assert text.endswith("\n")
    assert "\r" not in text
    assert path.name == "LICENSE" or not [line for line in text.splitlines() if line != line.rstrip()]


def test_the_version_comes_from_one_place() -> None:
    declared = PYPROJECT["project"]["version"]
    assert version("ddm-operator") == declared, "make venv"
    another = re.compile(rf"__version__\s*=|[\"']{re.escape(declared)}[\"']")
    assert [path for path in files("*.py") if another.search(text_of(path))] == []


def test_the_changelog_knows_the_version() -> None:
    assert f"## [{PYPROJECT['project']['version']}]" in text_of(Path("CHANGELOG.md"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_with_hashes_and_names_no_registry(lock: str) -> None:
    text = text_of(Path(lock))
    entries = re.split(r"\n(?=\S)", text.strip())
    assert "://" not in text
    assert all(re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+", entry) for entry in entries)
    assert all(entry.count("--hash=sha256:") >= 1 for entry in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_agrees_with_what_the_project_asks_for(lock: str) -> None:
    groups = PYPROJECT["dependency-groups"]
    asked = {
        "requirements.lock": PYPROJECT["project"]["dependencies"],
        "requirements-dev.lock": [*PYPROJECT["project"]["dependencies"], *groups["build"], *groups["dev"]],
        "requirements-build.lock": groups["build"],
    }[lock]
    locked = pins(lock)
    for line in asked:
        if isinstance(line, dict):
            assert line == {"include-group": "build"}
            continue
        requirement = Requirement(line)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), f"{line}: make lock"


def test_what_is_tested_is_what_is_shipped() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
    assert pins("requirements-build.lock").items() <= pins("requirements-dev.lock").items()


@pytest.mark.parametrize("path", files("*.md"), ids=str)
def test_a_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in (first or second for first, second in LINK.findall(text_of(path))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        aimed = (ROOT / path.parent / name).resolve() if name else ROOT / path
        if not aimed.exists() or (anchor and anchor not in anchors(aimed)):
            broken.append(target)
    assert broken == []


def test_every_setting_that_is_spoken_of_exists() -> None:
    known = {variable.name for variable in variables()}
    spoken = {
        (str(path), name)
        for path in TEXTS
        if path.parts[0] != "tests"
        for name in re.findall(r"\bDDM_[A-Z_]*[A-Z]\b", text_of(path))
    }
    assert {(path, name) for path, name in spoken if name not in known} == set()


def test_every_target_that_is_spoken_of_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", text_of(Path("Makefile")), re.MULTILINE))
    spoken = {
        (str(path), target)
        for path in files("*.md")
        for target in re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", text_of(path), re.MULTILINE)
    }
    assert {(path, target) for path, target in spoken if target not in targets} == set()


def pins(lock: str) -> dict[str, str]:
    """Versions by name."""
    pairs = re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)", text_of(Path(lock)), re.MULTILINE)
    return {canonicalize_name(name): pinned for name, pinned in pairs}


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown page offers: its headings in lower case, with dashes."""
    if path.suffix != ".md":
        return set()
    headings = re.findall(r"^#+ (.+)$", text_of(path.relative_to(ROOT)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
