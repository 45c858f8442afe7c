"""Reads the settings from the environment, and says what is wrong with them in words that a person can act on."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from ddm_operator.settings import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "DDM_"

SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")
"""Variables that the kubelet adds for each Service of the namespace; a Service ``ddm-…`` makes some with our prefix."""

SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
"""How the value of the kubelet's ``<SERVICE>_PORT`` begins."""

SHOWN_CHARACTERS = 80


class InvalidSettingsError(Exception):
    """The settings cannot be used; its text names each variable, what it holds and what is allowed."""


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Args:
        name: such as ``DDM_LOG_FORMAT``.
        path: where it is found in ``Settings``, such as ``("log", "format")``.
        allowed: what it may hold, in words.
        default: None when it may be left out and nothing takes its place.
        secret: its value is never shown.
        text: what it does, and why it is what it is.
    """

    name: str
    path: tuple[str, ...]
    allowed: str
    default: str | None
    secret: bool
    text: str


def read_settings(options: Mapping[str, Mapping[str, object]] | None = None) -> Settings:
    """The settings of this process.

    Args:
        options: values from the command line by group and field; they win over the environment.

    Raises:
        InvalidSettingsError: a variable is unknown, a value is not allowed, or values do not fit together.
    """
    problems = list(_unknown(os.environ))  # also what pydantic calls extra, in better words
    settings = None
    try:
        settings = Settings(**dict(options or {}))  # type: ignore[arg-type]  # groups are given as plain mappings
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_explain(detail) for detail in details if detail["type"] != "extra_forbidden"]
    except SettingsError:
        pass  # a variable named like a group holds no mapping; it is among the unknown ones
    if settings is None or problems:
        raise InvalidSettingsError("\n".join(problems))
    return settings


def variables() -> tuple[Variable, ...]:
    """Every variable there is, in the order of ``Settings``."""
    schema = Settings.model_json_schema()
    return tuple(_walk(schema, schema["$defs"], ()))


def _walk(schema: Mapping[str, Any], groups: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[Variable]:
    for field, shape in schema["properties"].items():
        if "$ref" in shape:
            yield from _walk(groups[shape["$ref"].rpartition("/")[2]], groups, (*path, field))
            continue
        kind = next((option for option in shape.get("anyOf", ()) if option.get("type") != "null"), shape)
        default = shape.get("default")
        yield Variable(
            name=variable_name((*path, field)),
            path=(*path, field),
            allowed=_allowed(kind),
            default=None if default in (None, []) else _written(default),
            secret=kind.get("format") == "password",
            text=" ".join(shape["description"].split()),
        )


def _written(value: object) -> str:
    """A default as a person would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def variable_name(path: Iterable[str]) -> str:
    """The variable that sets the field found by ``path``."""
    return PREFIX + "_".join(path).upper()


def _allowed(shape: Mapping[str, Any]) -> str:
    match shape:
        case {"enum": [*values, last]}:
            return f"{', '.join(values)} or {last}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer" | "number" as kind, "minimum": low, "maximum": high}:
            return f"a {'whole ' if kind == 'integer' else ''}number from {low:g} to {high:g}"
        case {"type": "array", "items": {"allowed": item}}:
            return f"{item}, or several separated by commas"
        case {"allowed": words}:
            return str(words)
        case {"format": "directory-path"}:
            return "path of a folder that exists"
    raise TypeError(f"It is not said here how a setting of this shape is told to people: {shape}")


def _unknown(environ: Mapping[str, str]) -> Iterable[str]:
    known = {variable.name for variable in variables()}
    for name, value in sorted(environ.items()):
        if not name.upper().startswith(PREFIX) or name.upper() in known:
            continue
        if SERVICE_LINK.search(name) or (name.endswith("_PORT") and SERVICE_ADDRESS.match(value)):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
        yield f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")


def _explain(detail: ErrorDetails) -> str:
    path = tuple(str(part) for part in detail["loc"] if isinstance(part, str))
    matching = [variable for variable in variables() if path[: len(variable.path)] == variable.path]
    if not matching:
        return _of_group(path, detail)
    variable = matching[0]
    if variable.secret:
        return f"{variable.name} holds a value that is not shown here; allowed is {variable.allowed}"
    return f"{variable.name}={_shown(detail['input'])}; allowed is {variable.allowed}"


def _of_group(path: tuple[str, ...], detail: ErrorDetails) -> str:
    """Say what values of one group do not fit together, in terms of the variables."""
    text = detail["msg"].removeprefix("Value error, ")
    for variable in variables():
        if variable.path[:-1] == path:
            text = re.sub(rf"\b{variable.path[-1]}\b", variable.name, text)
    return text


def _shown(value: object) -> str:
    """The value as a person typed it, short, and without what may be a password in an address."""
    text = re.sub(r"(?s)//.*@", "//***@", str(value))  # a password may hold anything, also what should be escaped
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")
