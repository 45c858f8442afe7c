"""The values of the chart as its ``values.yaml`` documents them: a comment above each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Value:
    """One documented value.

    Args:
        path: such as ``image.tag``.
        default: what it is when nobody sets it.
        text: what it does.
    """

    path: str
    default: Any
    text: str


class UndocumentedError(Exception):
    """A value has no comment; the text names it."""


def documented(text: str) -> list[Value]:
    """The values in their order; one with a comment speaks for all that is below it.

    Raises:
        UndocumentedError: there is a value without any.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise UndocumentedError("there are no values")
    return list(_walk(node, text.splitlines(), ""))


def table(values: list[Value]) -> str:
    """The values as a table in Markdown."""
    rows = [("Value", "Default", "What it does"), ("---", "---", "---")]
    rows += [(f"`{value.path}`", f"`{_shown(value.default)}`", value.text) for value in values]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _walk(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        comment = _comment_above(lines, key.start_mark.line, key.start_mark.column)
        if comment:
            yield Value(path, yaml.SafeLoader.construct_document(_constructor(), value), comment)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _walk(value, lines, f"{path}.")
        else:
            raise UndocumentedError(f"{path} has no comment")


def _comment_above(lines: list[str], line: int, column: int) -> str:
    mark = " " * column + "# "
    above: list[str] = []
    while line > 0 and lines[line - 1].startswith(mark):
        line -= 1
        above.insert(0, lines[line].removeprefix(mark).strip())
    return " ".join(above)


def _constructor() -> yaml.SafeLoader:
    return yaml.SafeLoader("")


def _shown(default: object) -> str:
    return json.dumps(default, ensure_ascii=False)
