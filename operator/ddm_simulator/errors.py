"""Refusals and how each part of the cloud spells them.

DDM's v1 and v2 APIs say ``errCode`` and ``externalMessage``, its v3 API says ``error_code`` and ``error_msg``; the
gateway in front of it adds ``request_id``; IAM nests what it says in ``error``.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from typing_extensions import override

from ddm_simulator.messages import Json


class Spelling(Enum):
    """The names of the two fields of an error."""

    CAMEL = auto()
    SNAKE = auto()


class RefusalError(Exception):
    """A request was not accepted."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self, spelling: Spelling, request_id: str) -> Json:  # noqa: ARG002  # kinds differ in what they need
        """The answer's body."""
        if spelling is Spelling.CAMEL:
            return {"errCode": self.code, "externalMessage": self.message}
        return {"error_code": self.code, "error_msg": self.message}


class GatewayError(RefusalError):
    """The gateway in front of the service refuses, in a spelling of its own."""

    @override
    def body(self, spelling: Spelling, request_id: str) -> Json:
        return {"error_code": self.code, "error_msg": self.message, "request_id": request_id}


class IdentityError(RefusalError):
    """IAM refuses, as OpenStack's Keystone does."""

    @override
    def body(self, spelling: Spelling, request_id: str) -> Json:
        return {"error": {"code": self.status, "message": self.message, "title": self.code}}


ANOTHER_OPERATION: Final = "DBS.200019"
INVALID_ZONE: Final = "DBS.200025"
INVALID_SUBNET: Final = "DBS.200049"
TOO_MANY_NODES: Final = "DBS.200056"
NOT_AUTHORISED: Final = "DBS.200010"
NO_SUCH_NODE: Final = "DBS.200008"
NO_SUCH_INSTANCE: Final = "DBS.201028"
PARAMETER_ERROR: Final = "DBS.280001"
INVALID_FLAVOR: Final = "DBS.280239"
FROZEN: Final = "DBS.280449"
SOLD_OUT: Final = "DBS.280450"
NO_SUCH_SCHEMA: Final = "DBS.300129"
SCHEMA_EXPANDING: Final = "DBS.300133"
DATA_NODE_UNAVAILABLE: Final = "DBS.300323"
NOT_SUPPORTED: Final = "DBS.300360"
INVALID_PARAMETER: Final = "DBS.300375"
INVALID_TIME_RANGE: Final = "DBS.300377"
NO_SUCH_JOB: Final = "DBS.300400"

_SERVICE: Final[dict[str, tuple[int, str]]] = {
    ANOTHER_OPERATION: (409, "Another operation is in progress on the instance, or the instance is faulty."),
    INVALID_ZONE: (400, "The AZ is invalid."),
    INVALID_SUBNET: (400, "The subnet is invalid."),
    TOO_MANY_NODES: (400, "The maximum number of nodes is exceeded."),
    NOT_AUTHORISED: (403, "The operation is not authorized."),
    NO_SUCH_NODE: (404, "The node does not exist."),
    NO_SUCH_INSTANCE: (404, "The instance does not exist."),
    PARAMETER_ERROR: (400, "Parameter error."),
    INVALID_FLAVOR: (400, "The specification is invalid."),
    FROZEN: (400, "The instance is frozen."),
    SOLD_OUT: (400, "The specification is sold out."),
    NO_SUCH_SCHEMA: (400, "The schema does not exist."),
    SCHEMA_EXPANDING: (400, "An associated RDS instance is in use by a scale-out of a schema."),
    DATA_NODE_UNAVAILABLE: (400, "An associated RDS instance is unavailable or its status forbids the operation."),
    NOT_SUPPORTED: (400, "The instance does not support the operation."),
    INVALID_PARAMETER: (400, "Invalid parameter."),
    INVALID_TIME_RANGE: (400, "The time range is invalid."),
    NO_SUCH_JOB: (400, "The task does not exist."),
}


def refuse(code: str, message: str | None = None, status: int | None = None) -> RefusalError:
    """A refusal by DDM with the status and the words that belong to a code, unless others are given."""
    usual_status, usual_message = _SERVICE[code]
    return RefusalError(status or usual_status, code, message or usual_message)


def not_published() -> GatewayError:
    """No such API in this region. It does not say that an instance is gone."""
    return GatewayError(404, "APIGW.0101", "The API does not exist or has not been published in the environment.")


def not_authenticated(detail: str) -> GatewayError:
    """Neither a valid token nor a valid signature."""
    return GatewayError(401, "APIGW.0301", f"Incorrect IAM authentication information: {detail}")


def throttled(limit: int, period: str) -> GatewayError:
    """Too many requests; the policy is told in the message only."""
    policy = f"policy user over ratelimit,limit:{limit},time:{period}"
    return GatewayError(429, "APIGW.0308", f"The throttling threshold has been reached: {policy}")
