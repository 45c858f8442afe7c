"""What the cloud holds at the beginning: projects, users, classes and instances, from a YAML file."""

from __future__ import annotations

from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ddm_simulator import model
from ddm_simulator.ids import Ids
from ddm_simulator.world import World

AGE_SECONDS: Final = 30 * 86400.0
"""How old the instances are."""

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
"""Who signs the tokens of a cluster, if nothing else is set there."""

SOURCES: Final = "the built-in seed"


class SeedError(Exception):
    """The seed cannot be used; says where it is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Project(_Part):
    """A region's part of an account; its name is the region's."""

    id: str
    name: str
    zones: tuple[str, ...] = Field(min_length=1)
    domain: str = "ddm-account"


class Key(_Part):
    """A permanent access key."""

    access: str
    secret: str = Field(repr=False)


class User(_Part):
    """An IAM user."""

    name: str
    password: str = Field(repr=False)
    domain: str = "ddm-account"
    projects: tuple[str, ...] = ()
    access_keys: tuple[Key, ...] = ()
    identity_provider: str = Field("", description="Name of one whose tokens make a pod this user.")


class Flavor(_Part):
    """A class of nodes."""

    id: str
    code: str
    vcpus: int = Field(ge=1)
    memory_gb: int = Field(ge=1)
    architecture: Literal["X86", "ARM"] = "X86"
    sold_out: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()


class Group(_Part):
    """A node group with the number of its nodes."""

    id: str = ""
    name: str = "group-default"
    role: Literal["rw", "r"] = "rw"
    flavor: str = "ddm.c6.xlarge.2"
    nodes: int = Field(2, ge=1, le=32)


class DataNode(_Part):
    """An RDS instance."""

    id: str = ""
    name: str
    status: str = "normal"


class Schema(_Part):
    """A logical database on data nodes, by their names."""

    name: str
    status: str = "RUNNING"
    data_nodes: tuple[str, ...] = ()


class Instance(_Part):
    """A DDM instance."""

    id: str = ""
    name: str = ""
    project: str
    status: str = "RUNNING"
    engine_version: str = "3.0.8"
    order_id: str = ""
    groups: tuple[Group, ...] = Field((Group(),), min_length=1)
    data_nodes: tuple[DataNode, ...] = ()
    schemas: tuple[Schema, ...] = ()

    @field_validator("engine_version", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return str(value)


class Seed(_Part):
    """All of it."""

    projects: tuple[Project, ...] = ()
    users: tuple[User, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    instances: tuple[Instance, ...] = ()


def default() -> Seed:
    """The built-in one."""
    return parse(files("ddm_simulator").joinpath("seed.yaml").read_text(encoding="utf-8"), SOURCES)


def load(path: Path) -> Seed:
    """A person's own.

    Raises:
        SeedError: the file cannot be read, or is no seed.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(f"{path} cannot be read: {error}") from None


def parse(text: str, name: str) -> Seed:
    """A seed from its text.

    Raises:
        SeedError: it is none.
    """
    try:
        return Seed.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise SeedError(f"{name} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SeedError(f"{name}: {where or 'the whole'}: {first['msg']}") from None


def plant(world: World, seed: Seed) -> None:
    """Put it into a cloud.

    Raises:
        SeedError: it names something that it does not hold.
    """
    now = world.now()
    for project in seed.projects:
        domain_id = Ids(f"domain/{project.domain}").plain()
        kept = model.Project(project.id, project.name, project.zones, domain_id, project.domain)
        world.projects.put(project.id, kept, now)
    for flavor in seed.flavors:
        world.flavors.put(flavor.id, _flavor(flavor), now)
    for user in seed.users:
        add_user(world, user)
    for instance in seed.instances:
        add_instance(world, instance)


def add_user(world: World, user: User) -> model.User:
    """A user with its keys.

    Raises:
        SeedError: there is no such project.
    """
    missing = [project for project in user.projects if world.projects.get(project) is None]
    if missing:
        raise SeedError(f"user {user.name}: there is no project {missing[0]}")
    domain_id = Ids(f"domain/{user.domain}").plain()
    made = model.User(Ids(f"user/{user.name}").plain(), user.name, domain_id, user.domain, user.password, user.projects)
    world.users.put(made.id, made, world.now())
    for key in user.access_keys:
        world.keys.put(key.access, model.AccessKey(key.access, made.id, key.secret), world.now())
    if user.identity_provider:
        provider = identity_provider(user.identity_provider, made)
        world.providers.put(provider.name, provider, world.now())
    return made


def identity_provider(name: str, user: model.User) -> model.IdentityProvider:
    """A cluster that is trusted to say who a pod is; the audience of its tokens is its name."""
    urn = f"iam::{user.domain_id}"
    return model.IdentityProvider(name, f"{urn}:oidcProvider:{name}", f"{urn}:agency:{name}", ISSUER, name, user.id)


def add_instance(world: World, seed: Instance) -> model.Instance:
    """An instance with groups, nodes and schemas; ids that are left out are chosen.

    Raises:
        SeedError: there is no such project, class or data node.
    """
    project = world.projects.get(seed.project)
    if project is None:
        raise SeedError(f"instance {seed.name or seed.id}: there is no project {seed.project}")
    codes = {flavor.code: flavor for flavor in world.flavors.values()}
    unknown = [group.flavor for group in seed.groups if group.flavor not in codes]
    if unknown:
        raise SeedError(f"instance {seed.name or seed.id}: there is no flavor {unknown[0]}")
    ids, now = world.ids, world.now()
    key = seed.id or ids.instance()
    name = seed.name or f"ddm-{key[:8]}"
    groups = tuple(
        model.Group(
            id=group.id or ids.group(),
            name=group.name,
            role=group.role,
            flavor_id=codes[group.flavor].id,
            address=f"192.168.23.{143 + place}",
            is_default=place == 0,
        )
        for place, group in enumerate(seed.groups)
    )
    subnet = Ids(f"subnet/{project.id}").uuid()
    nodes: list[model.Node] = []
    for kept, group in zip(groups, seed.groups, strict=True):
        for zone in islice(cycle(project.zones), group.nodes):
            number = len(nodes) + 1
            node = model.Node(
                ids.node(), f"{name}_node_{number:02d}", kept.id, zone, subnet, f"192.168.0.{10 + number}"
            )
            nodes.append(node)
    data_nodes, schemas = _storage(world, seed, project)
    made = model.Instance(
        id=key,
        project_id=project.id,
        name=name,
        engine_version=seed.engine_version,
        created=now - AGE_SECONDS,
        updated=now - AGE_SECONDS,
        vpc_id=Ids(f"vpc/{project.id}").uuid(),
        subnet_id=subnet,
        security_group_id=Ids(f"security-group/{project.id}").uuid(),
        groups=groups,
        nodes=tuple(nodes),
        schemas=schemas,
        data_nodes=data_nodes,
        status=seed.status,
        order_id=seed.order_id,
    )
    world.instances.put(key, made, now)
    return made


def many(world: World, count: int) -> None:
    """So many more instances, in the first project."""
    project = next(iter(world.projects.values()), None)
    if project is None:
        raise SeedError("there is no project to put instances in")
    for number in range(1, count + 1):
        add_instance(world, Instance(name=f"ddm-{number:05d}", project=project.id))


def _storage(
    world: World, seed: Instance, project: model.Project
) -> tuple[tuple[model.DataNode, ...], tuple[model.Schema, ...]]:
    data_nodes = tuple(
        model.DataNode(
            node.id or world.ids.data_node(), node.name, f"192.168.1.{10 + place}", project.zones[0], node.status
        )
        for place, node in enumerate(seed.data_nodes)
    )
    by_name = {node.name: node.id for node in data_nodes}
    for schema in seed.schemas:
        unknown = [name for name in schema.data_nodes if name not in by_name]
        if unknown:
            raise SeedError(f"instance {seed.name or seed.id}: there is no data node {unknown[0]}")
    schemas = tuple(
        model.Schema(
            schema.name,
            world.now() - AGE_SECONDS,
            tuple(by_name[name] for name in schema.data_nodes),
            schema.status,
        )
        for schema in seed.schemas
    )
    return data_nodes, schemas


def _flavor(seed: Flavor) -> model.Flavor:
    zones = tuple((zone, "sellout") for zone in seed.sold_out) + tuple((z, "unsupported") for z in seed.unsupported)
    iaas_code = seed.code.removeprefix("ddm.")
    return model.Flavor(seed.id, seed.code, iaas_code, seed.vcpus, seed.memory_gb, seed.architecture, zones)
