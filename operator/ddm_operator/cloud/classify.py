"""The one error table: what every code of the cloud means. By code first, by HTTP status second.

Sources: the error pages of DDM's API reference (all of its own codes come with HTTP 400, even "server failure"), the
codes that the database family shares (RDS' page), and the gateway's. A code that is not listed means what its status
means; to a call that changes something that is *unknown*: only what is listed as refused certainly was not executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError


class Word(Enum):
    """What an answer means to whoever asked."""

    CONFLICT = auto()
    """Something else is going on at the instance; it ends by itself."""
    TRANSIENT = auto()
    """Ask again."""
    STALLED = auto()
    """A person has to act."""
    GONE = auto()
    """There is no such thing."""


@dataclass(frozen=True)
class Meaning:
    """A row of the table.

    Args:
        word: what to do.
        reason: condition reason.
        refused: a call that changes something was certainly not executed.
        advice: what a person can do, or what ends it.
    """

    word: Word
    reason: str
    refused: bool
    advice: str


CONFLICT: Final = Meaning(
    Word.CONFLICT, reasons.INSTANCE_BUSY, refused=True, advice="It is planned anew when the instance is RUNNING."
)
RDS_BUSY: Final = Meaning(
    Word.CONFLICT,
    reasons.DATA_NODES_NOT_READY,
    refused=True,
    advice="It is planned anew when the associated RDS instances are normal and idle.",
)
INVALID: Final = Meaning(
    Word.STALLED, reasons.REQUEST_INVALID, refused=True, advice="Check spec.groupId and spec.flavorId."
)
GONE: Final = Meaning(Word.GONE, reasons.INSTANCE_NOT_FOUND, refused=True, advice="Correct spec.instanceId.")
JOB_GONE: Final = Meaning(Word.GONE, reasons.REQUEST_REFUSED, refused=True, advice="")
FORBIDDEN: Final = Meaning(
    Word.STALLED,
    reasons.PERMISSION_DENIED,
    refused=True,
    advice="Grant the credential's user the role DDM FullAccess in this project.",
)
NO_PROJECT: Final = Meaning(
    Word.STALLED,
    reasons.PROJECT_NOT_FOUND,
    refused=True,
    advice="The credential has no such project in this region: check spec.projectId, DDM_CLOUD_PROJECT_ID and the "
    "region.",
)
UNAUTHENTICATED: Final = Meaning(
    Word.STALLED,
    reasons.CREDENTIALS_REJECTED,
    refused=True,
    advice="Correct the credential: the namespace's Secret, or the operator's own where that is used.",
)
TOKEN_ELSEWHERE: Final = Meaning(
    Word.STALLED,
    reasons.CREDENTIALS_REJECTED,
    refused=True,
    advice="A token counts only in the region that gave it: check the region and DDM_CLOUD_IAM_ENDPOINT.",
)
QUOTA: Final = Meaning(Word.STALLED, reasons.QUOTA_EXCEEDED, refused=True, advice="Have the quota raised.")
SOLD_OUT: Final = Meaning(
    Word.CONFLICT, reasons.FLAVOR_SOLD_OUT, refused=True, advice="It is asked for again until the class is sold."
)
FROZEN: Final = Meaning(
    Word.STALLED, reasons.INSTANCE_FROZEN, refused=True, advice="Settle the account's arrears in the console."
)
UNSUPPORTED: Final = Meaning(
    Word.STALLED, reasons.REQUEST_REFUSED, refused=True, advice="The instance cannot be scaled through this API."
)
NO_ENDPOINT: Final = Meaning(
    Word.STALLED,
    reasons.ENDPOINT_NOT_FOUND,
    refused=True,
    advice="The API is not published there: check the region and DDM_CLOUD_DDM_ENDPOINT. It does not mean that the "
    "instance is gone.",
)
MALFORMED: Final = Meaning(
    Word.STALLED,
    reasons.REQUEST_REFUSED,
    refused=True,
    advice="The gateway could not read the request; see its message.",
)
THROTTLED: Final = Meaning(Word.TRANSIENT, reasons.THROTTLED, refused=True, advice="It is asked again later.")
FAILURE: Final = Meaning(
    Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, refused=False, advice="It is asked again, later each time."
)
REFUSED: Final = Meaning(
    Word.STALLED, reasons.REQUEST_REFUSED, refused=False, advice="It is asked again slowly; see the cloud's message."
)


def _rows(meaning: Meaning, prefix: str, codes: str) -> dict[str, Meaning]:
    return {f"{prefix}.{code}": meaning for code in codes.split()}


TABLE: Final[dict[str, Meaning]] = {
    # Another operation runs, or the state forbids this one.
    **_rows(CONFLICT, "DBS", "200019 212033 200011 200047 201202 212006 200316 201014 200086 201205 300130 300134"),
    # What sister services answer while an operation runs (their clients repeat them).
    **_rows(CONFLICT, "DBS", "200018 200076 200080 200452 200463 200611 201000 201015 201206 216011 280005 280011"),
    **_rows(CONFLICT, "DBS", "280228 280343 280816 00010009 01010337 01280030 05000084"),
    **_rows(RDS_BUSY, "DBS", "300323 300110 300133"),
    **_rows(INVALID, "DBS", "280001 300375 300371 300379 200001 200004 200006 200405 280204 280404 290000"),
    **_rows(INVALID, "DBS", "200025 280285 200024 200049 200501 200053 200054 280239 290002 300376 300377"),
    **_rows(UNSUPPORTED, "DBS", "300360"),
    # The area of schemas and accounts; not expected from what is asked here, and known all the same.
    **_rows(
        INVALID, "DBS", "300102 300106 300127 300103 300104 300107 300108 300109 300405 300406 300407 300112 300118"
    ),
    **_rows(INVALID, "DBS", "300114 300357 300305 300306 300307 300309 300310 300311 300327 300315 300362 300372"),
    **_rows(FAILURE, "DBS", "300100 300101 300113 300115 300121 300122 300123 300128 300129 300131 300132 300135"),
    **_rows(FAILURE, "DBS", "300300 300301 300302 300312 300313 300314 300316 300328 300329 300345 300346 300347"),
    **_rows(FAILURE, "DBS", "300365 300366 300367 300330 300331 300338 300339 300340 300341 300342 300343 300344"),
    **_rows(FAILURE, "DBS", "300348 300349 300350 300351 300352 300353 300354 300355 300363 300332 300333 300334"),
    **_rows(FAILURE, "DBS", "300337 300364 300368 300336 300358 300401 300402 300408"),
    **_rows(GONE, "DBS", "200002 200013 200045 200408 200602 201028 200008"),
    **_rows(JOB_GONE, "DBS", "300400 200543"),
    **_rows(FORBIDDEN, "DBS", "200010 200604 200044 201003 280015"),
    **_rows(UNAUTHENTICATED, "DBS", "280056"),
    **_rows(QUOTA, "DBS", "200046 200056 216028"),
    **_rows(SOLD_OUT, "DBS", "280450 280434"),
    **_rows(FROZEN, "DBS", "280449"),
    # Failures that may have come in the middle of the work, whatever their HTTP status.
    **_rows(FAILURE, "DBS", "200412 300002 300005 300322 300120 300116 300117 300125 300335 300356 300369 300370"),
    **_rows(FAILURE, "DBS", "108000 108002 108005 200005 213004 111205"),
    # The gateway in front of the service.
    **_rows(MALFORMED, "APIGW", "0201"),
    **_rows(NO_ENDPOINT, "APIGW", "0101 0103 0801"),
    **_rows(UNAUTHENTICATED, "APIGW", "0301 0303 0305"),
    **_rows(TOKEN_ELSEWHERE, "APIGW", "0307"),
    **_rows(FORBIDDEN, "APIGW", "0302 0306 0802 0402"),
    **_rows(NO_PROJECT, "APIGW", "0310"),
    **_rows(THROTTLED, "APIGW", "0308"),
    **_rows(FAILURE, "APIGW", "0601 0605 0606 0608 0610 0611 0613"),
}
"""Every code that is known, under the prefix ``DBS`` or ``APIGW`` (older gateways print ``APIG``)."""

BY_STATUS: Final[dict[int, Meaning]] = {
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    408: FAILURE,
    409: CONFLICT,
    413: QUOTA,
    429: THROTTLED,
}
SERVER_FAILURE: Final = 500


def meaning(status: int, code: str) -> Meaning:
    """What an answer with this HTTP status and code means; ``refused`` only where code and status agree on it."""
    row = TABLE.get(code.replace("APIG.", "APIGW.", 1) if code.startswith("APIG.") else code)
    if status >= SERVER_FAILURE:
        return row if row is not None and not row.refused else FAILURE
    if row is not None:
        return row
    return replace(BY_STATUS.get(status, REFUSED), refused=False)


def error_for(status: int, code: str, text: str, retry_after: float | None = None, *, where: str = "") -> OperatorError:
    """The error of a question that was answered so; ``where`` it was asked is for people."""
    found = meaning(status, code)
    said = (
        f"The cloud answered {status} {code}".rstrip() + (f" {where}" if where else "") + (f": {text}" if text else "")
    )
    sentence = f"{said.rstrip('.')}. {found.advice}".rstrip()
    if found.word in (Word.TRANSIENT, Word.CONFLICT):
        return TransientError(found.reason, sentence, code=code, retry_after=retry_after)
    return StalledError(found.reason, sentence, code=code)
