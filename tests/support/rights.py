"""Rights in Kubernetes: those that Roles grant, and those that requests use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from tests.support.kubeapi import Json

EVERYWHERE = "*"


class Right(NamedTuple):
    """One verb on one kind.

    Attributes:
        place: a namespace, or ``*``.
        verb: such as ``list``.
        resource: such as ``ddminstances/status``.
        name: of the one object that it is limited to; empty when it is for all of them.
    """

    place: str
    verb: str
    resource: str
    name: str = ""

    def allows(self, other: Right) -> bool:
        """Whether a request is covered by it."""
        here = self.place in (EVERYWHERE, other.place)
        return here and self[1:3] == other[1:3] and self.name in ("", other.name)


def granted(objects: Iterable[Json]) -> set[Right]:
    """What the Roles and ClusterRoles among the objects grant, each taken apart."""
    return {
        Right(role["metadata"].get("namespace", EVERYWHERE), verb, joined(group, resource), name)
        for role in objects
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def used(requests: Iterable[Json]) -> list[Right]:
    """What each request of an audit log needed; questions about the API itself need no right of one's own."""
    return [
        Right(
            about.get("namespace", EVERYWHERE),
            one["verb"],
            "/".join(filter(None, [joined(about.get("apiGroup", ""), about["resource"]), about.get("subresource")])),
            about.get("name", ""),
        )
        for one in requests
        if (about := one.get("objectRef"))
    ]


def joined(group: str, resource: str) -> str:
    """The resource with its group, without the part that ours have in common."""
    name, _, subresource = resource.partition("/")
    whole = f"{name}.{group}" if group else name
    return f"{whole}/{subresource}" if subresource else whole


def compared(grants: set[Right], uses: list[Right]) -> str:
    """Both as a table, one row for each verb on each kind."""
    rows = sorted({(right.place, right.resource, right.verb, right.name) for right in grants})
    lines = [f"{'where':<24} {'right':<46} {'requests'}"]
    for place, resource, verb, name in rows:
        right = Right(place, verb, resource, name)
        count = sum(right.allows(use) for use in uses)
        label = f"{verb} {resource}" + (f" ({name})" if name else "")
        lines.append(f"{place:<24} {label:<46} {count or 'NOT USED'}")
    lines += [f"NOT GRANTED: {use}" for use in sorted(set(uses)) if not any(right.allows(use) for right in grants)]
    return "\n".join(lines)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the comparisons that tests recorded as their property ``rights``."""
    reports: list[pytest.TestReport] = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for report in reports:
        for name, value in report.user_properties:
            if name == "rights" and report.when == "call":
                terminalreporter.write_sep("-", "rights granted and used")
                terminalreporter.write_line(str(value))
