"""The kinds of faults. Each says what it does to the plan of a request that it hits."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from ddm_simulator import errors
from ddm_simulator.faults import edits
from ddm_simulator.faults.plan import Plan
from ddm_simulator.messages import Ending, Response
from ddm_simulator.model import Fate
from ddm_simulator.settings import Seconds

FOREVER = 86400.0


class Target(BaseModel):
    """Which requests are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field("", description="Chosen by the simulator when it is empty.")
    route: str = Field("*", description="A route's name, or a pattern such as `instance*`.")
    instance: str | None = Field(None, description="An instance's id; absent: all.")
    project: str | None = Field(None, description="A project's id; absent: all.")

    def meets(self, route: str, instance_id: str | None, project_id: str | None) -> bool:
        """Whether a request is meant."""
        return (
            fnmatchcase(route, self.route)
            and self.instance in (None, instance_id)
            and self.project in (None, project_id)
        )


class Fault(Target):
    """What all kinds have in common."""

    count: int | None = Field(None, ge=1, description="How often it happens; absent: until it is removed.")
    probability: float = Field(1.0, ge=0, le=1, description="How likely it is each time, by the simulator's seed.")

    def shape(self, plan: Plan) -> None:
        """Change what is going to happen to a request."""

    def fate(self) -> Fate | None:
        """How it lets a job end; None when it is about requests."""
        return None


class Refused(Fault):
    """The request is reset before it is executed, and for some seconds nobody can connect."""

    kind: Literal["refused"] = "refused"
    seconds: Seconds = 2.0

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = False
        plan.ending = Ending.RESET
        plan.deaf_seconds = max(plan.deaf_seconds, self.seconds)


class Reset(Fault):
    """The connection is reset, before or after the request was executed."""

    kind: Literal["reset"] = "reset"
    executed: bool = False

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = plan.execute and self.executed
        plan.ending = Ending.RESET


class Lost(Fault):
    """The request is executed, its answer never comes; the connection stays open for some seconds."""

    kind: Literal["lost"] = "lost"
    seconds: Seconds = FOREVER
    executed: bool = True

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = plan.execute and self.executed
        plan.ending = Ending.SILENCE
        plan.silent_seconds = self.seconds


class Error(Fault):
    """An error of the server, whether or not the request was executed."""

    kind: Literal["error"] = "error"
    status: int = Field(503, ge=400, le=599)
    code: str = Field("", description="Absent: what the gateway says with that status.")
    message: str = ""
    executed: bool = False

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = plan.execute and self.executed
        plan.instead = edits.server_error(self.status, self.code, self.message)


class Answer(Fault):
    """Any answer at all."""

    kind: Literal["answer"] = "answer"
    status: int = Field(200, ge=200, le=599)
    body: dict[str, object] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    executed: bool = False

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = plan.execute and self.executed
        plan.instead = Response(self.status, self.body, self.headers)


class Late(Fault):
    """The caller gets an error, or nothing at all, and the request is executed some seconds after that."""

    kind: Literal["late"] = "late"
    seconds: Seconds = 30.0
    status: int | None = Field(504, ge=400, le=599, description="null: no answer.")
    code: str = Field("", description="Absent: what the gateway says with that status.")

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute_after_seconds = self.seconds
        if self.status is None:
            plan.ending, plan.silent_seconds = Ending.SILENCE, FOREVER
        else:
            plan.instead = edits.server_error(self.status, self.code)


class Throttled(Fault):
    """429, with the policy in the gateway's message."""

    kind: Literal["throttled"] = "throttled"
    limit: int = 200
    period: str = "1 minute"
    retry_after: int | None = Field(None, ge=0, description="Seconds for a header Retry-After; the cloud sends none.")

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = False
        plan.instead = errors.throttled(self.limit, self.period)
        if self.retry_after is not None:
            plan.headers["Retry-After"] = str(self.retry_after)


class Slow(Fault):
    """The answer comes some seconds later; the request is executed at once."""

    kind: Literal["slow"] = "slow"
    seconds: Seconds = 5.0

    @override
    def shape(self, plan: Plan) -> None:
        plan.wait_seconds += self.seconds


class Garbage(Fault):
    """The status of the real answer, with a body that is no JSON."""

    kind: Literal["garbage"] = "garbage"
    body: str = "<html><body>Service temporarily unavailable</body></html>"
    executed: bool = True

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = plan.execute and self.executed
        plan.raw = self.body.encode()


class Truncated(Fault):
    """Half of the real answer, then the connection ends."""

    kind: Literal["truncated"] = "truncated"

    @override
    def shape(self, plan: Plan) -> None:
        plan.ending = Ending.TRUNCATED


class ExpiredToken(Fault):
    """The token that comes with the request has expired, and stays so."""

    kind: Literal["expired-token"] = "expired-token"

    @override
    def shape(self, plan: Plan) -> None:
        plan.expire_token = True


class NotPublished(Fault):
    """The API does not exist in this region."""

    kind: Literal["not-published"] = "not-published"

    @override
    def shape(self, plan: Plan) -> None:
        plan.execute = False
        plan.instead = errors.not_published()


class Lag(Fault):
    """Reads answer with the state of some seconds ago."""

    kind: Literal["lag"] = "lag"
    seconds: Seconds = 10.0

    @override
    def shape(self, plan: Plan) -> None:
        plan.lag_seconds = max(plan.lag_seconds, self.seconds)


def _new_feature() -> dict[str, object]:
    return {"new_feature": {"enabled": True}}


class ExtraFields(Fault):
    """Every object of the answer has a field that nobody knows."""

    kind: Literal["extra-fields"] = "extra-fields"
    fields: dict[str, object] = Field(default_factory=_new_feature)

    @override
    def shape(self, plan: Plan) -> None:
        plan.edits.append(lambda body: edits.extended(body, self.fields))


class UnknownStatus(Fault):
    """Every field of a name has a value that nobody knows."""

    kind: Literal["unknown-status"] = "unknown-status"
    field: str = "status"
    value: str = "POLISHING"

    @override
    def shape(self, plan: Plan) -> None:
        plan.edits.append(lambda body: edits.replaced(body, self.field, self.value))


class JobUnknown(Fault):
    """Asked for a job, the cloud says DBS.300400."""

    kind: Literal["job-unknown"] = "job-unknown"
    route: str = "job"

    @override
    def shape(self, plan: Plan) -> None:
        plan.instead = errors.refuse(errors.NO_SUCH_JOB)


class JobMissing(Fault):
    """The list of jobs is without the jobs of an instance, or without any."""

    kind: Literal["job-missing"] = "job-missing"
    route: str = "jobs"

    @override
    def meets(self, route: str, instance_id: str | None, project_id: str | None) -> bool:
        return fnmatchcase(route, self.route) and self.project in (None, project_id)

    @override
    def shape(self, plan: Plan) -> None:
        plan.hidden_jobs.append(self.instance)


class JobFails(Fault):
    """The next operations are accepted, and their jobs fail: cleanly, or leaving nodes behind."""

    kind: Literal["job-fails"] = "job-fails"
    failed_nodes: int = Field(0, ge=0, description="How many of the new nodes stay, as `enlargefail`.")
    kept_nodes: int = Field(0, ge=0, description="How many of the new nodes stay, healthy.")
    reason: str = "Failed to create the virtual machine."

    @override
    def fate(self) -> Fate:
        return Fate("fails", failed_nodes=self.failed_nodes, kept_nodes=self.kept_nodes, reason=self.reason)


class JobStuck(Fault):
    """The next operations are accepted, and their jobs never end by themselves."""

    kind: Literal["job-stuck"] = "job-stuck"
    percent: int = Field(60, ge=0, le=99)

    @override
    def fate(self) -> Fate:
        return Fate("never", percent=self.percent)


AnyFault = Annotated[
    Refused
    | Reset
    | Lost
    | Error
    | Answer
    | Late
    | Throttled
    | Slow
    | Garbage
    | Truncated
    | ExpiredToken
    | NotPublished
    | Lag
    | ExtraFields
    | UnknownStatus
    | JobUnknown
    | JobMissing
    | JobFails
    | JobStuck,
    Field(discriminator="kind"),
]
"""A fault of any kind."""
