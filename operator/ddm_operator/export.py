"""``ddm-operator export``: what a project has, as manifests that only observe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from ddm_operator.cloud.clouds import open_clouds
from ddm_operator.cloud.own import NoSecrets, for_everybody, no_chance
from ddm_operator.domain.model import Group, InstanceRow
from ddm_operator.errors import OperatorError
from ddm_operator.kube.resource import API_VERSION, KIND
from ddm_operator.ports import Clock, Cloud, Target
from ddm_operator.redaction import redactor
from ddm_operator.settings import Settings

LONGEST_NAME: Final = 63
"""Characters: a name that is also valid as a label's value."""

SHORT_ID: Final = 8
"""Characters of an instance's id that tell two instances of one name apart."""

HEAD: Final = """\
# The DDM instances of project {project} in {region}: {count}.
# Every object only observes until it has nodes. To let the operator scale a group, set nodes to the count that is
# shown, and groupId where an instance has several groups.
# Applying this would change an object that is there already under the same name: compare first (kubectl diff -f).
"""


@dataclass(frozen=True)
class Found:
    """One instance; ``groups`` is None when they could not be read."""

    row: InstanceRow
    groups: tuple[Group, ...] | None


async def export(
    settings: Settings, namespace: str, clock: Clock, out: Callable[[str], None], complain: Callable[[str], None]
) -> int:
    """Write a manifest for every instance of the project that the operator's own credential shows.

    Args:
        settings: the operator's.
        namespace: of the objects; empty leaves it to kubectl.
        clock: time.
        out: takes the manifests, piece by piece.
        complain: takes a sentence for everything that could not be read.

    Returns:
        The exit code: 1 when anything could not be read.
    """
    failed = False
    ours = for_everybody(settings)
    async with open_clouds(ours, clock, lambda *_: None, NoSecrets(), no_chance) as clouds:
        try:
            cloud = await clouds.cloud_for(namespace, None, None)
            await cloud.prepare()
            rows = sorted(await cloud.list_instances(), key=lambda row: (row.name, row.id))
        except OperatorError as error:
            complain(redactor.clean(error.message))
            return 1
        target = cloud.target
        out(HEAD.format(project=target.project_id, region=target.region, count=len(rows)))
        names = object_names(rows)
        for row in rows:
            found = Found(row, await _groups(cloud, row, complain))
            failed = failed or found.groups is None
            out(manifest(found, names[row.id], namespace, target))
    return int(failed)


async def _groups(cloud: Cloud, row: InstanceRow, complain: Callable[[str], None]) -> tuple[Group, ...] | None:
    try:
        return await cloud.list_groups(row.id)
    except OperatorError as error:
        complain(redactor.clean(f"The groups of {_plain(row.name)} ({row.id}) could not be read: {error.message}"))
        return None


def object_names(rows: Iterable[InstanceRow]) -> Mapping[str, str]:
    """A valid and unique object's name for each instance, by its id; the same ones whatever else is in the project.

    Names of instances may have capitals and underscores, and need not be unique. Those that are not get a part of the
    id, all of them, so that an instance that is added later changes no name but those of its namesakes.
    """
    wanted = {row.id: _valid(row.name) for row in rows}
    counted = Counter(wanted.values())
    names = {key: name if counted[name] == 1 else _with_id(name, key[:SHORT_ID]) for key, name in wanted.items()}
    counted = Counter(names.values())
    return {key: name if counted[name] == 1 else _with_id(wanted[key], key) for key, name in names.items()}


def _valid(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST_NAME].strip("-") or "ddm"


def _with_id(name: str, key: str) -> str:
    suffix = _valid(key)
    return f"{name[: LONGEST_NAME - len(suffix) - 1].rstrip('-')}-{suffix}"


def manifest(found: Found, name: str, namespace: str, target: Target) -> str:
    """One YAML document, with what a person wants to know as comments."""
    row = found.row
    place = {"name": name, **({"namespace": namespace} if namespace else {})}
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": place}
    spec = {"instanceId": row.id, "region": target.region, "projectId": target.project_id}
    head = [f"{row.name}: {row.status}, {row.node_count} nodes of {row.flavor or 'a class that is not told'}"]
    if row.order_id:
        head.append("yearly/monthly: it can be observed, not scaled")
    if found.groups is None:
        head.append("its groups could not be read")
    text = yaml.safe_dump({**body, "spec": spec}, sort_keys=False, allow_unicode=True)
    return "---\n" + _comments(head) + text + _choices(found.groups or ())


def _choices(groups: Sequence[Group]) -> str:
    """What may be added to the spec, a group at a time."""
    lines = []
    for group in groups:
        lines.append(f"  # {_plain(group.name)} ({_plain(group.role)}), {len(group.node_ids)} nodes:")
        lines.append(f"  # groupId: {_plain(group.id)}")
        lines.append(f"  # nodes: {len(group.node_ids)}")
    return "".join(f"{line}\n" for line in lines)


def _comments(lines: Iterable[str]) -> str:
    return "".join(f"# {_plain(line)}\n" for line in lines)


def _plain(text: str) -> str:
    """A text of the cloud's in one line: it must not end the comment that it stands in."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
