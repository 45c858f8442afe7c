"""The Dockerfile as values: its stages with their steps, and what may be copied into them."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from string import Template

from dockerfile_parse import DockerfileParser

from tests.support.repository import ROOT

KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL", "RUN", "USER", "WORKDIR"}
"""Instructions that are understood here and in ``container.py``."""


@dataclass(frozen=True)
class Stage:
    """One stage: what it begins from, and its instructions in order, with their values as they are written."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        return [value for name, value in self.steps if name == instruction]

    def last(self, instruction: str) -> str:
        return self.values(instruction)[-1]

    def words(self, instruction: str) -> list[str]:
        """Of an instruction in its JSON form."""
        found: list[str] = json.loads(self.last(instruction))
        return found


@dataclass(frozen=True)
class Recipe:
    """The whole file: what is declared ahead of all stages, with defaults, and the stages."""

    arguments: Mapping[str, str]
    stages: list[Stage]

    @property
    def final(self) -> Stage:
        return self.stages[-1]


def recipe(path: Path = ROOT / "Dockerfile") -> Recipe:
    """Read it."""
    parser = DockerfileParser(fileobj=io.BytesIO(path.read_bytes()))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in parser.structure:
        instruction, value = line["instruction"], line["value"]
        if instruction == "COMMENT":
            continue
        assert instruction in KNOWN, f"the tests do not know {instruction}"
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            stages.append(Stage(name or "final", Template(base).substitute(arguments)))
        elif stages:
            stages[-1].steps.append((instruction, value))
        else:
            arguments |= pairs(value)
    return Recipe(arguments, stages)


def pairs(value: str) -> dict[str, str]:
    """What an ENV, a LABEL or an ARG says; an ARG without a default is left out."""
    return dict(word.split("=", 1) for word in shlex.split(value) if "=" in word)


def admitted(path: Path = ROOT / ".dockerignore") -> tuple[list[str], list[str]]:
    """Of a ``.dockerignore`` that refuses everything: what it admits, and the names that it refuses all the same."""
    rules = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = [rule[1:] for rule in rules[1:] if rule.startswith("!")]
    refused = [rule.removeprefix("**/") for rule in rules[1:] if rule.startswith("**/")]
    assert len(kept) + len(refused) == len(rules) - 1, "a rule of another kind"
    return kept, refused


def context(root: Path = ROOT) -> list[Path]:
    """The files that an engine is given, relative to the root."""
    kept, refused = admitted()
    found = [path for name in kept for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))]
    relative = [path.relative_to(root) for path in found if path.is_file()]
    return sorted(path for path in relative if not any(fnmatch(part, rule) for part in path.parts for rule in refused))


def python_version(base: str) -> str:
    """The minor version of Python that a base image of that name has."""
    found = re.search(r"/python:(3\.\d+)\.\d+-slim", base)
    assert found, base
    return found[1]
