"""Where things are, and how large they may be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, files, text_of

LONGEST_FILE = 350
LONGEST_FUNCTION = 60

CODE = files("*.py", "*.go")
PYTHON = files("*.py")


def test_the_source_root_holds_no_python_file_of_its_own() -> None:
    """It is named like a module of the standard library, and would take its place."""
    assert [path for path in files(under="operator") if path.parent == Path("operator")] == []


def test_the_standard_library_s_operator_is_still_found() -> None:
    import operator  # noqa: PLC0415  # the import is what is tested

    assert operator.add(1, 2) == 3


def test_the_source_root_holds_two_packages() -> None:
    folders = {path.parts[1] for path in files("*.py", under="operator")}
    assert folders == {"ddm_operator", "ddm_simulator"}


@pytest.mark.parametrize("path", CODE, ids=str)
def test_a_file_is_read_in_one_go(path: Path) -> None:
    assert len(text_of(path).splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_a_function_fits_a_screen(path: Path) -> None:
    functions = [node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.FunctionDef)]
    long = [f"{node.name}: {lines}" for node in functions if (lines := _lines(node)) > LONGEST_FUNCTION]
    assert long == []


def test_every_package_is_typed() -> None:
    assert files("py.typed", under="operator") == [
        Path("operator/ddm_operator/py.typed"),
        Path("operator/ddm_simulator/py.typed"),
    ]


def test_tests_are_in_the_four_folders() -> None:
    folders = {path.parts[1] for path in files("test_*.py", under="tests")}
    assert folders <= {"unit", "contract", "integration", "e2e"}


def test_decisions_are_numbered_without_a_gap() -> None:
    names = [path.name for path in files("*.md", under="docs/adr") if path.name != "README.md"]
    numbers = [int(match[1]) for name in names if (match := re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", name))]
    assert len(numbers) == len(names)
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_make_help_lists_every_target_that_is_meant_to_be_called() -> None:
    makefile = text_of(Path("Makefile"))
    phony = set(re.findall(r"[a-z][a-z0-9-]+", " ".join(re.findall(r"^\.PHONY: ([^$\n]+)$", makefile, re.MULTILINE))))
    described = set(re.findall(r"^([a-z0-9-]+):.*## \S", makefile, re.MULTILINE))
    assert phony - described == {"help"}


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.strip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in text


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
