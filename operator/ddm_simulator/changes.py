"""What a person, or a test, changes behind the cloud's back."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ddm_simulator import lifecycle, model, newnodes, preconditions, times
from ddm_simulator.ids import Ids
from ddm_simulator.messages import Json
from ddm_simulator.model import Fate, Instance, Job, Order, User
from ddm_simulator.seed import Instance as InstanceSeed
from ddm_simulator.seed import Key, Project, SeedError, add_instance, add_user, identity_provider
from ddm_simulator.seed import User as UserSeed
from ddm_simulator.world import World


class NotFoundError(Exception):
    """There is no such thing."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InstanceChange(_Body):
    """Fields of an instance that are set from outside; those of nodes, data nodes and schemas by their id or name."""

    name: str | None = None
    status: str | None = None
    order_id: str | None = None
    nodes: dict[str, str] = Field(default_factory=dict, description="Status by node id; `*` means all.")
    data_nodes: dict[str, str] = Field(default_factory=dict, description="Status by data node name or id.")
    schemas: dict[str, str] = Field(default_factory=dict, description="Status by schema name.")


class NodesChange(_Body):
    """Somebody scales by hand: at once, or by a job as the console does."""

    add: int = Field(0, ge=0, le=32)
    remove: int = Field(0, ge=0, le=32)
    group_id: str | None = None
    job: bool = False


class Finish(_Body):
    """How a running job ends now."""

    outcome: Literal["completes", "fails"] = "completes"
    failed_nodes: int = Field(0, ge=0)
    kept_nodes: int = Field(0, ge=0)
    reason: str = ""


class UserChange(_Body):
    """What changes about a user."""

    password: str | None = Field(None, repr=False)
    enabled: bool | None = None


class NewProject(_Body):
    """A project of one's own, with a user, an access key and an instance: every test has one."""

    region: str = "cn-north-4"
    nodes: Annotated[int, Field(ge=1, le=32)] = 2


def find_instance(world: World, key: str) -> Instance:
    """An instance by its id.

    Raises:
        NotFoundError: there is none.
    """
    found = world.instances.get(key)
    if found is None:
        raise NotFoundError(f"there is no instance {key}")
    return found


def change_instance(world: World, key: str, change: InstanceChange) -> Instance:
    """Set fields of an instance."""
    instance, now = find_instance(world, key), world.now()
    every = change.nodes.get("*")
    changed = replace(
        instance,
        name=change.name if change.name is not None else instance.name,
        status=change.status if change.status is not None else instance.status,
        order_id=change.order_id if change.order_id is not None else instance.order_id,
        updated=now,
        nodes=tuple(replace(node, status=change.nodes.get(node.id, every or node.status)) for node in instance.nodes),
        data_nodes=tuple(
            replace(node, status=change.data_nodes.get(node.name, change.data_nodes.get(node.id, node.status)))
            for node in instance.data_nodes
        ),
        schemas=tuple(
            replace(schema, status=change.schemas.get(schema.name, schema.status)) for schema in instance.schemas
        ),
    )
    world.instances.put(key, changed, now)
    return changed


def scale(world: World, key: str, change: NodesChange) -> Instance:
    """Add or remove nodes by hand; with a job the instance is busy until it ends.

    Raises:
        NotFoundError: there is no such instance, or group.
        RefusalError: a job cannot start now, or the class is sold out.
        ValueError: it is not said which.
    """
    instance, now = find_instance(world, key), world.now()
    if bool(change.add) == bool(change.remove):
        raise ValueError("either add or remove: a number of nodes")
    if change.job:
        preconditions.idle(instance)
    group = next((group for group in instance.groups if change.group_id in (None, group.id)), None)
    if group is None:
        raise NotFoundError(f"there is no group {change.group_id}")
    added = (
        newnodes.make(world, instance, group, newnodes.choose(world, instance, group, change.add)) if change.add else ()
    )
    members = instance.of_group(group.id)
    removed = tuple(node.id for node in members[len(members) - change.remove :]) if change.remove else ()
    if change.job:
        lifecycle.begin(world, instance, now, Fate(), added=added, removed=removed)
        return find_instance(world, key)
    kept = tuple(node for node in instance.nodes if node.id not in removed)
    changed = replace(instance, nodes=(*kept, *added), updated=now)
    world.instances.put(key, changed, now)
    return changed


def finish_job(world: World, key: str, finish: Finish) -> Job:
    """End a running job."""
    job = world.jobs.get(key)
    if job is None or job.status != "Running":
        raise NotFoundError(f"there is no running job {key}")
    fate = Fate(finish.outcome, failed_nodes=finish.failed_nodes, kept_nodes=finish.kept_nodes, reason=finish.reason)
    lifecycle.finish(world, job, fate, world.now())
    return world.jobs.get(key) or job


def pay_order(world: World, key: str) -> Order:
    """Pay an order; its job starts."""
    order = world.orders.get(key)
    if order is None or order.job_id or world.instances.get(order.instance_id) is None:
        raise NotFoundError(f"there is no unpaid order {key} of an instance that exists")
    lifecycle.pay(world, order, world.now())
    return world.orders.get(key) or order


def revoke_tokens(world: World) -> int:
    """No token that was given until now is valid any more; how many."""
    tokens = world.tokens.where(lambda token: not token.revoked)
    for token in tokens:
        world.tokens.put(token.id, replace(token, revoked=True), world.now())
    return len(tokens)


def change_user(world: World, name: str, change: UserChange) -> User:
    """Another password, or an end to the user's calls."""
    user = next(iter(world.users.where(lambda user: user.name == name)), None)
    if user is None:
        raise NotFoundError(f"there is no user {name}")
    changed = replace(
        user,
        password=change.password if change.password is not None else user.password,
        enabled=change.enabled if change.enabled is not None else user.enabled,
    )
    world.users.put(user.id, changed, world.now())
    return changed


def new_project(world: World, wish: NewProject) -> Json:
    """A project with all that is needed to use it; the secrets in it open nothing else."""
    ids = world.ids
    project_id, name = ids.plain(), f"user-{ids.plain()[:12]}"
    zones = tuple(f"{wish.region}{letter}" for letter in "abc")
    seed = Project(id=project_id, name=wish.region, zones=zones)
    domain_id = Ids(f"domain/{seed.domain}").plain()
    world.projects.put(project_id, model.Project(project_id, seed.name, zones, domain_id, seed.domain), world.now())
    key = Key(access=ids.access_key(), secret=ids.secret())
    password = ids.secret()
    idp = f"cluster-{ids.plain()[:12]}"
    seeded = UserSeed(name=name, password=password, projects=(project_id,), access_keys=(key,), identity_provider=idp)
    provider = identity_provider(idp, add_user(world, seeded))
    instance = add_instance(
        world, InstanceSeed.model_validate({"project": project_id, "groups": [{"nodes": wish.nodes}]})
    )
    return {
        "project_id": project_id,
        "region": wish.region,
        "user": name,
        "password": password,
        "domain": seed.domain,
        "access_key": key.access,
        "secret_key": key.secret,
        "instance_id": instance.id,
        "group_id": instance.groups[0].id,
        "flavor_id": instance.groups[0].flavor_id,
        "identity_provider": provider.name,
        "provider_urn": provider.urn,
        "agency_urn": provider.agency_urn,
    }


def add(world: World, seed: InstanceSeed) -> Instance:
    """One more instance.

    Raises:
        NotFoundError: what it names does not exist.
    """
    try:
        return add_instance(world, seed)
    except SeedError as error:
        raise NotFoundError(str(error)) from None


def shown_job(job: Job) -> Json:
    """A job as the control API shows it."""
    return {
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "instance": job.instance_id,
        "project": job.project_id,
        "created": times.iam(job.created),
        "facts": list(job.facts),
        "added": [node.id for node in job.added],
        "removed": list(job.removed),
        "reason": job.fail_reason,
    }


def shown_instance(instance: Instance) -> Json:
    """An instance as it truly is."""
    return asdict(instance)
