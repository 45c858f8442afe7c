"""How answers are made up and changed."""

from __future__ import annotations

from collections.abc import Mapping

from ddm_simulator.errors import GatewayError, RefusalError
from ddm_simulator.messages import Json

_GATEWAY = {
    500: ("APIGW.0601", "Internal server error."),
    502: ("APIGW.0201", "Backend unavailable."),
    503: ("APIGW.0605", "Service unavailable."),
    504: ("APIGW.0201", "Backend timeout."),
}


def server_error(status: int, code: str = "", message: str = "") -> RefusalError:
    """What the gateway says with a status; a code of DDM's own is spelled as DDM does."""
    usual_code, usual_message = _GATEWAY.get(status, _GATEWAY[500])
    if code and not code.startswith("APIG"):
        return RefusalError(status, code, message or "Server failure.")
    return GatewayError(status, code or usual_code, message or usual_message)


def extended(body: Json, fields: Mapping[str, object]) -> Json:
    """The same with further fields in every object."""
    return {**{key: _extended(value, fields) for key, value in body.items()}, **fields}


def _extended(value: object, fields: Mapping[str, object]) -> object:
    if isinstance(value, dict):
        return extended(value, fields)
    return [_extended(item, fields) for item in value] if isinstance(value, list) else value


def replaced(body: Json, field: str, new: object) -> Json:
    """The same with another value in every field of that name."""
    return {key: new if key == field else _replaced(value, field, new) for key, value in body.items()}


def _replaced(value: object, field: str, new: object) -> object:
    if isinstance(value, dict):
        return replaced(value, field, new)
    return [_replaced(item, field, new) for item in value] if isinstance(value, list) else value
