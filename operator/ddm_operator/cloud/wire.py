"""The cloud's answers as they come over the wire, and what the domain makes of them.

Only the fields that are used, under the names of the API reference; unknown fields and statuses are let through,
numbers may come as strings, and empty strings mean "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Annotated, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ddm_operator.domain import model, reasons
from ddm_operator.errors import TransientError

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
Number = Annotated[int | None, BeforeValidator(lambda value: None if value in (None, "") else value)]
Wire = TypeVar("Wire", bound="Model")


class Model(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Page(Model):
    """A part of a list; its total has another name on every list."""

    total: Number = Field(None, validation_alias=AliasChoices("total", "total_record", "total_count", "instance_num"))


class Node(Model):
    """v1 instance detail, ``nodes[]``."""

    node_id: str
    group_id: Text = ""
    status: Text = ""


class Instance(Model):
    """A row of the v1 list, or the v1 detail with its nodes."""

    id: str
    name: Text = ""
    status: str
    node_status: Text = ""
    node_count: int
    flavor_ref: Text = ""
    engine_version: Text = ""
    order_id: Text = ""
    available_zone: Text = ""
    nodes: list[Node] | None = None

    def row(self) -> model.InstanceRow:
        """As a row of the list."""
        return model.InstanceRow(
            id=self.id,
            name=intern(self.name),  # the objects' statuses tell it too
            status=intern(self.status),  # thousands of rows repeat the same words
            node_status=intern(self.node_status),
            node_count=self.node_count,
            flavor=intern(self.flavor_ref),
            engine_version=intern(self.engine_version),
            order_id=self.order_id,
            zones=_zones(self.available_zone),
        )

    def detail(self) -> model.InstanceDetail:
        """With its nodes.

        Raises:
            TransientError: the answer has none.
        """
        if self.nodes is None:
            raise unreadable("the detail of an instance names no nodes")
        nodes = tuple(model.Node(node.node_id, node.group_id, node.status) for node in self.nodes)
        row = self.row()
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        return model.InstanceDetail(**values, nodes=nodes)


@lru_cache(maxsize=256)
def _zones(text: str) -> tuple[str, ...]:
    """The zones of one project are few, and thousands of rows name them."""
    return tuple(zone.strip() for zone in text.split(",") if zone.strip())


class Instances(Page):
    """v1 list of instances."""

    instances: list[Instance]


class GroupNode(Model):
    """v3 groups, ``node_list[]``."""

    id: str
    az: Text = ""


class Group(Model):
    """v3 groups, ``group_list[]``."""

    id: str
    name: Text = ""
    role: Text = ""
    cpu_num_per_node: Number = None
    mem_num_per_node: Number = None
    node_list: list[GroupNode] = []

    def value(self) -> model.Group:
        """For the domain."""
        return model.Group(
            id=self.id,
            name=self.name,
            role=self.role,
            node_ids=tuple(node.id for node in self.node_list),
            zones=tuple(dict.fromkeys(node.az for node in self.node_list if node.az)),
            cpu=self.cpu_num_per_node,
            memory_gb=self.mem_num_per_node,
        )


class Groups(Page):
    """v3 list of groups."""

    group_list: list[Group]


class JobInstance(Model):
    """v3 job, ``instance``."""

    id: Text = ""


class Job(Model):
    """A task: an entry of the v3 list, or ``job`` of the single answer, which names its instance otherwise."""

    id: str
    name: Text = ""
    status: str
    created_time: Text = ""
    end_time: Text = ""
    process: Text = ""
    instance_id: Text = ""
    instance: JobInstance | None = None
    fail_reason: Text = ""

    def value(self, answered: datetime | None) -> model.Job:
        """For the domain; ``answered`` is the moment of the answer by the cloud's own clock."""
        created, ended = _time(self.created_time), _time(self.end_time)
        took = ended_ago = None
        # A running job has an end time too, the same as its beginning; that one says nothing.
        if self.status != "Running" and created is not None and ended is not None and ended > created:
            took = (ended - created).total_seconds()
            ended_ago = max(0.0, (answered - ended).total_seconds()) if answered is not None else None
        return model.Job(
            id=self.id,
            name=self.name,
            status=self.status,
            instance_id=self.instance_id or (self.instance.id if self.instance else ""),
            progress_percent=_percent(self.process),
            fail_reason=self.fail_reason,
            ended_ago=ended_ago,
            created=created,
            took=took,
        )


class Jobs(Page):
    """v3 list of jobs."""

    jobs: list[Job]


class OneJob(Model):
    """v3 single job."""

    job: Job


class DataNode(Model):
    """v1 schemas, ``used_rds[]``."""

    id: str
    name: Text = ""
    status: Text = ""


class Schema(Model):
    """v1 schemas, ``databases[]``."""

    name: str
    status: Text = ""
    used_rds: list[DataNode] = []

    def value(self) -> model.Schema:
        """For the domain."""
        nodes = tuple(model.DataNode(rds.id, rds.name, rds.status) for rds in self.used_rds)
        return model.Schema(self.name, self.status, nodes)


class Schemas(Page):
    """v1 list of schemas."""

    databases: list[Schema]


class Zone(Model):
    """v3 flavors, ``az_infos[]``."""

    code: str
    status: Text = ""


class Flavor(Model):
    """v3 flavors, ``flavors[]``."""

    id: str
    spec_code: str
    az_infos: list[Zone] = []

    def value(self) -> model.Flavor:
        """For the domain."""
        return model.Flavor(self.id, self.spec_code, {zone.code: zone.status for zone in self.az_infos})


class FlavorGroup(Model):
    """v3 flavors, one architecture; it is paged by itself."""

    flavors: list[Flavor] = []
    total: int


class Flavors(Model):
    """v3 list of flavors."""

    flavor_groups: list[FlavorGroup]


class Enlarged(Model):
    """The answer to enlarge (v2 spelling, and v3's beside it)."""

    job_id: Text = Field("", validation_alias=AliasChoices("jobId", "job_id"))
    order_id: Text = Field("", validation_alias=AliasChoices("orderId", "order_id"))


class Failure(Model):
    """An error in any of the three spellings; IAM's is nested and has its status for a code."""

    code: Text = Field("", validation_alias=AliasChoices("errCode", "error_code", "errorCode", "code"))
    message: Text = Field("", validation_alias=AliasChoices("externalMessage", "error_msg", "errorMsg", "message"))


class Project(Model):
    """IAM, ``projects[]``."""

    id: str
    name: Text = ""


class Projects(Model):
    """IAM, list of projects."""

    projects: list[Project]


class Token(Model):
    """IAM, ``token`` of the answer."""

    issued_at: datetime
    expires_at: datetime
    project: Project | None = None


class Issued(Model):
    """IAM, a new token."""

    token: Token


def read(shape: type[Wire], body: object) -> Wire:
    """The body in its shape.

    Raises:
        TransientError: it has another one.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise unreadable(f"{shape.__name__}: {where or 'the body'} is not as documented") from None


def unreadable(what: str) -> TransientError:
    """An answer that says nothing; it is no answer."""
    text = f"The cloud's answer cannot be read ({what}). It is asked again, later each time."
    return TransientError(reasons.CLOUD_ANSWER_UNREADABLE, text)


def failure(body: object) -> Failure:
    """The code and the message of an error's body; empty ones when it has none."""
    nested = body.get("error") if isinstance(body, Mapping) else None
    try:
        return Failure.model_validate(nested if isinstance(nested, Mapping) else body)
    except ValidationError:
        return Failure.model_validate({})


def _percent(process: str) -> int | None:
    """``60%`` as 60."""
    digits = process.strip().removesuffix("%")
    return min(100, int(digits)) if digits.isascii() and digits.isdigit() else None


@lru_cache(maxsize=1024)  # a page of jobs has the same moments again and again
def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
