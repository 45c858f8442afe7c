"""What a person can set, subject by subject.

Every value comes from an environment variable ``DDM_<GROUP>_<FIELD>`` and is read once, at the start, by
``environment``. The text below a field is its documentation: ``docs/configuration.md`` and ``--help`` are made from it.
Credentials themselves are no settings; ``cloud`` reads them.
"""

from __future__ import annotations

import ssl
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    DirectoryPath,
    Field,
    FilePath,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ddm_operator import addresses
from ddm_operator.names import Namespace, NamespaceOrAll, ObjectName, names

Seconds = Annotated[float, Field(ge=0.01, le=86_400, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0.01, le=1_000, allow_inf_nan=False)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Region = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", json_schema_extra={"allowed": "a region's name, such as cn-north-4"}),
]
ProjectId = Annotated[
    str,
    Field(pattern=r"^[0-9A-Za-z]{1,64}$", json_schema_extra={"allowed": "a project's id, letters and digits"}),
]
Endpoint = Annotated[
    str,
    Field(pattern=addresses.ENDPOINT, json_schema_extra={"allowed": "http(s)://host[:port], no path"}),
    AfterValidator(addresses.endpoint),
]
Listen = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"allowed": "an address of the machine"}),
    AfterValidator(addresses.host),
]


def _with_certificates(path: FilePath) -> FilePath:
    """Refuses at the start what would end the process once it leads."""
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        raise ValueError("no certificates can be read from it") from error
    return path


Authorities = Annotated[
    FilePath,
    AfterValidator(_with_certificates),
    Field(json_schema_extra={"allowed": "path of a PEM file with certificates, which can be read"}),
]


def _with_a_proxy(value: SecretStr) -> SecretStr:
    addresses.proxy(value.get_secret_value())
    return value


Proxy = Annotated[
    SecretStr,
    AfterValidator(_with_a_proxy),
    Field(
        json_schema_extra={
            "allowed": "http(s)://[user:password@]host[:port], no path, and in the password %2F, %3F and %23 for / ? #"
        }
    ),
]


class Group(BaseModel):
    """Settings of one subject."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Cadence(Group):
    """How often is looked, and how long is waited (seconds)."""

    poll_seconds: Seconds = 15.0
    """Pause between two looks at an operation that runs, on average.
    Shorter notices the end sooner and asks the cloud more often; one list call serves all operations of a project.
    Where progress, or the length of earlier jobs, tells that the end is far, up to four times as long; where it is
    near, a third; the requests are never more than at a steady pace."""

    resync_seconds: Seconds = 300.0
    """Pause between two looks at an instance where nothing is going on.
    Bounds how long drift (somebody scaled the instance by hand) stays unnoticed."""

    stalled_recheck_seconds: Seconds = 300.0
    """Pause between two looks at an object that waits for a person.
    Nothing is given up for good, so a cause that was mended elsewhere is noticed after this long."""

    settle_seconds: Seconds = 180.0
    """How long the cloud must show nothing new before an unanswered call counts as never executed.
    Guards against adding nodes twice; see the sum it must exceed."""

    send_limit_seconds: Seconds = 10.0
    """How old a stored intent may be when the first byte of the enlarge call leaves; later it is not sent at all."""

    enlarge_timeout_seconds: Seconds = 30.0
    """How long the answer to the enlarge call is waited for.
    Also how long an orderly stop waits for a call in flight."""

    assumed_execution_delay_seconds: Seconds = 60.0
    """Assumed of the cloud: the longest time between its taking a call and its executing it."""

    assumed_read_lag_seconds: Seconds = 60.0
    """Assumed of the cloud: how far its lists of jobs and nodes may be behind what it executed."""

    unconfirmed_limit_seconds: Seconds = 1_800.0
    """How long evidence about a lost answer is looked for before a person is asked (reason `OutcomeUnknown`)."""

    operation_deadline_seconds: Seconds = 3_600.0
    """How long a scale-out may take before it is reported as overdue (reason `OperationOverdue`).
    A deadline closes nothing: the operation stays open and is followed slowly."""

    job_missing_seconds: Seconds = 60.0
    """How long a job may be missing from the cloud's answers before its nodes are counted instead."""

    @model_validator(mode="after")
    def _settle_exceeds_the_slowest_call(self) -> Cadence:
        parts = {
            "send_limit_seconds": self.send_limit_seconds,
            "enlarge_timeout_seconds": self.enlarge_timeout_seconds,
            "assumed_execution_delay_seconds": self.assumed_execution_delay_seconds,
            "assumed_read_lag_seconds": self.assumed_read_lag_seconds,
        }
        total = sum(parts.values())
        if total >= self.settle_seconds:
            listed = " + ".join(f"{name} {value:g}" for name, value in parts.items())
            raise ValueError(
                f"settle_seconds is {self.settle_seconds:g} and must be more than {total:g} ({listed}): a call that "
                "the cloud executes late would count as never executed, and be made twice"
            )
        return self

    @model_validator(mode="after")
    def _limits_leave_time_to_settle(self) -> Cadence:
        for name in ("unconfirmed_limit_seconds", "operation_deadline_seconds"):
            value: float = getattr(self, name)
            if value <= self.settle_seconds:
                raise ValueError(
                    f"{name} is {value:g} and must be more than settle_seconds {self.settle_seconds:g}: a person would "
                    "be asked before the evidence could be complete"
                )
        return self


class Scaling(Group):
    """Bounds of what the operator may ask the cloud for."""

    max_step: int = Field(default=8, ge=1, le=32)
    """How many nodes one declared change may add; more is refused (reason `StepTooLarge`).
    A slip of the finger costs money."""

    max_attempts: int = Field(default=3, ge=1, le=10)
    """How often one declared change is requested when the cloud's job fails cleanly, before a person is asked."""


class Credentials(Group):
    """Whose credential the requests for an object are made with: its namespace's, else the operator's own."""

    secret_name: ObjectName = "ddm-credentials"  # noqa: S105  # an object's name
    """Name of the Secret that holds a namespace's credential.
    The operator reads the Secret of this name, and no other; its role in Kubernetes must name it too."""

    per_namespace: bool = True
    """Whether a namespace may have a Secret with its own credential.
    When false none is read, and the operator's role need not allow it."""

    own_namespaces: Annotated[tuple[NamespaceOrAll, ...], NoDecode] = ()
    """Namespaces that may use the operator's own credential when they have no such Secret.
    None when absent, because whoever may make an object there spends the money of that credential."""

    dir: DirectoryPath | None = None
    """Folder with one file per value of the operator's own credential, as a mounted Secret shows them.
    The environment when absent."""

    refused_seconds: Seconds = 300.0
    """A credential that the cloud refused is tried at most three times in this long, whoever asks.
    The cloud locks an access key for five minutes after five wrong signatures."""

    @field_validator("own_namespaces", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return names(value, "a blank is no namespace; leave it away for none")


class Cloud(Group):
    """Where the cloud is, and how politely it is asked."""

    region: Region | None = None
    """Region of the instances whose `spec.region` is absent."""

    project_id: ProjectId | None = None
    """Project of the instances whose `spec.projectId` is absent.
    Looked up by the region's name when absent, which needs exactly one project of that name."""

    ddm_endpoint: Endpoint | None = None
    """Address of the DDM API. `{region}` stands for the object's region.
    Made from the region when absent; other clouds of this make have other domains."""

    iam_endpoint: Endpoint | None = None
    """Address of the IAM API, which gives tokens and knows the projects. `{region}` stands for the object's region.
    Made from the region when absent."""

    sts_endpoint: Endpoint | None = None
    """Address of the STS API, which gives temporary keys for an OIDC token. `{region}` stands for the object's region.
    Made from the region when absent."""

    connect_timeout_seconds: Seconds = 5.0
    """How long a connection to the cloud may take to come up."""

    read_timeout_seconds: Seconds = 20.0
    """How long the answer to a read is waited for; a read is repeated, so this need not be generous."""

    requests_per_second: Rate = 20.0
    """Requests to one endpoint with one credential, on average.
    The gateway's documented limit is 200 per second, real ones are lower and not published."""

    burst_requests: int = Field(default=40, ge=1, le=10_000)
    """Requests that may leave at once before the average holds."""

    calls_per_second: Rate = 20.0
    """Calls that change something (enlarge), likewise; apart, so that questions never keep a scale-out waiting."""

    burst_calls: int = Field(default=1_000, ge=1, le=10_000)
    """Such calls that may leave at once; a scale-out that waits long for its turn says so (reason `Throttled`)."""

    concurrent_requests: int = Field(default=16, ge=1, le=1_000)
    """Requests under way at once, for one project with one credential; a project that hangs holds only its own."""

    ca_file: Authorities | None = None
    """PEM file of the authorities that may vouch for the cloud's certificates; the system's own when absent."""

    proxy: Proxy | None = None
    """Proxy for all requests to the cloud; its password is never logged."""


class StatusWrites(Group):
    """How often the API server is written to."""

    writes_per_second: float = Field(default=100.0, ge=1, le=10_000, allow_inf_nan=False)
    """Statuses written in a second, of all objects together.
    What safety rests on (the intent of a call, its answer) never waits, and Events and the Lease do not count."""

    seconds_apart: float = Field(default=1.0, ge=0.01, le=60, allow_inf_nan=False)
    """Seconds between two writes of one object's status, but for those that never wait; what changes meanwhile is
    written together."""


class Lease(Group):
    """Which of several replicas works; safety does not rest on it, the quiet does."""

    enabled: bool = True
    """Work only while holding the Lease. False is for one replica outside of a cluster."""

    name: ObjectName = "ddm-operator"
    """Name of the Lease object; operators that watch different namespaces need different names."""

    namespace: Namespace | None = None
    """Namespace of the Lease object; the operator's own in a cluster, else the kubeconfig's, when absent."""

    duration_seconds: float = Field(default=15.0, ge=1, le=600)
    """How long a Lease that is not renewed is respected by the other replicas; the holder gives up after two thirds.
    Bounds the pause after a replica died without releasing it."""


class Probes(Group):
    """Where `/healthz`, `/readyz` and `/metrics` are served, over plain HTTP."""

    host: Listen | None = None
    """Address to listen on; all of the machine's when absent, because the kubelet comes from outside of the pod."""

    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one, which the log tells."""


class Log(Group):
    """What is told to people and to log collectors, on stderr."""

    format: Literal["auto", "text", "json"] = "auto"
    """`text` is for people, `json` is one object per line; `auto` is text on a terminal and JSON elsewhere."""

    level: Level = "INFO"
    """The least important messages that are shown; libraries show theirs from `WARNING` on, or from here if higher."""

    @field_validator("level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        upper = str(level).upper()
        return upper if upper in get_args(Level) else level


class Settings(BaseSettings):
    """All settings. Make one with ``environment.read_settings``, which explains what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix="DDM_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    namespaces: Annotated[tuple[Namespace, ...], NoDecode] = ()
    """Namespaces to watch, separated by commas; all when absent, which needs rights in the whole cluster."""

    workers: int = Field(default=16, ge=1, le=256)
    """Objects of one project that are worked on at the same time; a project that hangs holds up no other.
    One object, and one cloud instance, never has two passes at once."""

    credentials: Credentials = Credentials()
    cadence: Cadence = Cadence()
    scaling: Scaling = Scaling()
    cloud: Cloud = Cloud()
    status: StatusWrites = StatusWrites()
    lease: Lease = Lease()
    probes: Probes = Probes()
    log: Log = Log()

    @field_validator("namespaces", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return names(value, "a blank is no namespace, and must not mean all of them")
