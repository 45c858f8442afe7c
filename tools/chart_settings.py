"""The part of the chart's schema that is made from the operator's settings: the value ``settings``."""

from __future__ import annotations

import re
from typing import Any

from ddm_operator.addresses import PROXY_WITHOUT_USER
from ddm_operator.settings import Cadence, Settings

Schema = dict[str, Any]

OF_THE_CHART: dict[str, set[str] | None] = {
    "namespaces": None,
    "credentials": {"dir", "own_namespaces", "per_namespace", "secret_name"},
    "lease": {"enabled", "name", "namespace"},
    "probes": None,
}
"""What the chart decides by itself, whole groups or some of their fields: two places for one thing would contradict."""

KEPT = ("type", "enum", "pattern", "minimum", "maximum", "minLength")


def schema() -> Schema:
    """A strict schema: an unknown setting is refused with its path."""
    whole = Settings.model_json_schema()
    groups = whole["$defs"]
    return _object(
        {
            camel_case(name): _field(shape) if "$ref" not in shape else _group(name, groups[_target(shape)])
            for name, shape in whole["properties"].items()
            if OF_THE_CHART.get(name, ()) is not None
        }
    )


def cadence() -> str:
    """The defaults that the chart must know to refuse what does not fit together, as YAML."""
    return "".join(f"{camel_case(name)}: {value:g}\n" for name, value in Cadence().model_dump().items())


def camel_case(name: str) -> str:
    """``poll_seconds`` as ``pollSeconds``."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _group(name: str, shape: Schema) -> Schema:
    own = OF_THE_CHART.get(name) or set()
    fields = {camel_case(field): _field(inner) for field, inner in shape["properties"].items() if field not in own}
    return _object(fields)


def _field(shape: Schema) -> Schema:
    kind = next((option for option in shape.get("anyOf", ()) if option["type"] != "null"), shape)
    if kind.get("format") == "password":
        return {"type": "string", "pattern": PROXY_WITHOUT_USER}  # a password does not belong into a chart's values
    kept = {key: kind[key] for key in KEPT if key in kind}
    if kept.get("type") == "number":
        # What `--set` makes of 0.5 is a string.
        kept |= {"type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$"}
    return kept


def _object(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _target(shape: Schema) -> str:
    return str(shape["$ref"].rpartition("/")[2])
