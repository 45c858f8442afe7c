"""The one call that costs money: sent at most once, and what became of it told as one of three outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import httpx
from pydantic import ValidationError

from ddm_operator.cloud import wire
from ddm_operator.cloud.auth import Session
from ddm_operator.cloud.classify import Word, meaning
from ddm_operator.cloud.endpoints import path
from ddm_operator.cloud.exchange import UNAUTHENTICATED
from ddm_operator.cloud.http import Answer, Ask, describe
from ddm_operator.domain import reasons
from ddm_operator.ports import Accepted, CallOutcome, EnlargeRequest, Refused, Unknown

FIRST_BYTE: Final = "http11.send_request_headers.started"
BODY: Final = "http11.send_request_body.started"
"""httpcore's trace events immediately before it writes a request and its body (extensions of httpx: trace)."""


class _HeldBackError(Exception):
    """The call was stopped before its first byte, or before its body."""


class _Gate:
    """Asks whether the call may leave, at the last moment, and knows whether it has left."""

    def __init__(self, may_leave: Callable[[], bool]) -> None:
        self._may_leave = may_leave
        self.left = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Httpcore's trace hook; a proxy's CONNECT is not yet the call."""
        if event not in (FIRST_BYTE, BODY) or info["request"].method == b"CONNECT":
            return
        if not self._may_leave():
            raise _HeldBackError  # a gateway may wait a minute for a body that comes late
        self.left = True


async def enlarge(
    session: Session,
    request: EnlargeRequest,
    timeout: float,  # noqa: ASYNC109  # bounds the whole exchange
    may_leave: Callable[[], bool],
) -> CallOutcome:
    """Send it once: no retry, no redirect, no second try after a 401.

    Args:
        session: ready, and with a turn for the call: nothing waits here.
        request: what to ask for.
        timeout: seconds for the whole exchange.
        may_leave: asked immediately before the first byte.
    """
    ask = _ask(session.project_id, request)
    headers = session.headers(ask)
    gate = _Gate(may_leave)
    try:
        answer = await session.http.exchange(ask, headers, timeout, gate)
    except _HeldBackError:
        if gate.left:
            return Unknown("The enlarge call was given up in the middle: it had become too old.", code="")
        text = "The call was held back: its intent had become too old, or this replica no longer leads."
        return Refused(reasons.NOT_SENT, text, code="", heals=True, sent=False)
    except (httpx.HTTPError, TimeoutError) as error:
        if gate.left:
            return Unknown(f"The enlarge call was sent and not answered ({describe(error)}).", code="")
        text = f"The enlarge call could not be sent ({describe(error)}). It is planned anew."
        return Refused(reasons.CLOUD_UNREACHABLE, text, code="", heals=True, sent=False)
    if answer.status == UNAUTHENTICATED:
        session.refused(headers, answer)
    return _outcome(answer)


def _ask(project_id: str, request: EnlargeRequest) -> Ask:
    body = {"flavor_id": request.flavor_id, "node_number": request.node_number, "group_id": request.group_id}
    where = path("/v2", project_id, "instances", request.instance_id, "action", "enlarge")
    return Ask("enlarge", "POST", where, body=json.dumps(body).encode(), mutates=True)


def _outcome(answer: Answer) -> CallOutcome:
    if answer.accepted:
        return _accepted(answer)
    found = meaning(answer.status, answer.code)
    said = f"The cloud answered {answer.status} {answer.code}".rstrip() + (f": {answer.text}" if answer.text else "")
    if not found.refused:
        return Unknown(f"{said.rstrip('.')}.", answer.code)
    heals = found.word in (Word.CONFLICT, Word.TRANSIENT)
    reason, advice = found.reason, found.advice
    if answer.status == UNAUTHENTICATED:
        # The token may simply have ended; whether the credential is good is for the next pass's reads to say.
        heals, reason, advice = True, reasons.RETRYING, "It is planned anew with a new token."
    return Refused(reason, f"{said.rstrip('.')}. Nothing was added. {advice}".rstrip(), answer.code, heals, sent=True)


def _accepted(answer: Answer) -> CallOutcome:
    try:
        told = wire.Enlarged.model_validate(answer.body)
    except ValidationError:
        told = wire.Enlarged.model_validate({})
    if told.job_id or told.order_id:
        return Accepted(told.job_id, told.order_id)
    return Unknown(f"The cloud answered {answer.status} without a job's or an order's id.", code="")
