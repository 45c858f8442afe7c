"""The error table: one row per code and status that the reference names."""

from __future__ import annotations

import pytest

from ddm_operator.cloud.classify import TABLE, Word, error_for, meaning
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError

REFUSED, MAY_HAVE_RUN = True, False


@pytest.mark.parametrize(
    ("status", "code", "word", "reason", "refused"),
    [
        (409, "DBS.200019", Word.CONFLICT, reasons.INSTANCE_BUSY, REFUSED),
        (403, "DBS.200019", Word.CONFLICT, reasons.INSTANCE_BUSY, REFUSED),
        (409, "DBS.212033", Word.CONFLICT, reasons.INSTANCE_BUSY, REFUSED),
        (400, "DBS.01010337", Word.CONFLICT, reasons.INSTANCE_BUSY, REFUSED),
        (400, "DBS.280001", Word.STALLED, reasons.REQUEST_INVALID, REFUSED),
        (400, "DBS.300375", Word.STALLED, reasons.REQUEST_INVALID, REFUSED),
        (400, "DBS.300323", Word.CONFLICT, reasons.DATA_NODES_NOT_READY, REFUSED),
        (400, "DBS.300110", Word.CONFLICT, reasons.DATA_NODES_NOT_READY, REFUSED),
        (400, "DBS.300133", Word.CONFLICT, reasons.DATA_NODES_NOT_READY, REFUSED),
        (400, "DBS.300360", Word.STALLED, reasons.REQUEST_REFUSED, REFUSED),
        (400, "DBS.300400", Word.GONE, reasons.REQUEST_REFUSED, REFUSED),
        (404, "DBS.201028", Word.GONE, reasons.INSTANCE_NOT_FOUND, REFUSED),
        (404, "DBS.200008", Word.GONE, reasons.INSTANCE_NOT_FOUND, REFUSED),
        (403, "DBS.200010", Word.STALLED, reasons.PERMISSION_DENIED, REFUSED),
        (403, "DBS.280015", Word.STALLED, reasons.PERMISSION_DENIED, REFUSED),
        (403, "DBS.280056", Word.STALLED, reasons.CREDENTIALS_REJECTED, REFUSED),
        (413, "DBS.200046", Word.STALLED, reasons.QUOTA_EXCEEDED, REFUSED),
        (400, "DBS.200056", Word.STALLED, reasons.QUOTA_EXCEEDED, REFUSED),
        (400, "DBS.280450", Word.CONFLICT, reasons.FLAVOR_SOLD_OUT, REFUSED),
        (400, "DBS.280434", Word.CONFLICT, reasons.FLAVOR_SOLD_OUT, REFUSED),
        (400, "DBS.280449", Word.STALLED, reasons.INSTANCE_FROZEN, REFUSED),
        # DDM answers its own failures with 400; they may have come in the middle of the work.
        (500, "DBS.200412", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (400, "DBS.300002", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (400, "DBS.300005", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (400, "DBS.300322", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (400, "DBS.300116", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (500, "DBS.111205", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (404, "APIGW.0101", Word.STALLED, reasons.ENDPOINT_NOT_FOUND, REFUSED),
        (404, "APIG.0101", Word.STALLED, reasons.ENDPOINT_NOT_FOUND, REFUSED),
        (401, "APIGW.0301", Word.STALLED, reasons.CREDENTIALS_REJECTED, REFUSED),
        (401, "APIG.0307", Word.STALLED, reasons.CREDENTIALS_REJECTED, REFUSED),
        (403, "APIGW.0302", Word.STALLED, reasons.PERMISSION_DENIED, REFUSED),
        (403, "APIGW.0310", Word.STALLED, reasons.PERMISSION_DENIED, REFUSED),
        (429, "APIGW.0308", Word.TRANSIENT, reasons.THROTTLED, REFUSED),
        (400, "APIGW.0201", Word.STALLED, reasons.REQUEST_REFUSED, REFUSED),
        (413, "APIGW.0201", Word.STALLED, reasons.REQUEST_REFUSED, REFUSED),
        # The same code, from a gateway that lost its backend: the call may have been executed.
        (502, "APIGW.0201", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (504, "APIGW.0201", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        (503, "APIGW.0605", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        # A code that is known as a refusal, with a status that speaks against it.
        (500, "DBS.200019", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
        # Unknown codes mean what their status means, and prove nothing about a call.
        (400, "DBS.999999", Word.STALLED, reasons.REQUEST_REFUSED, MAY_HAVE_RUN),
        (409, "DBS.99999999", Word.CONFLICT, reasons.INSTANCE_BUSY, MAY_HAVE_RUN),
        (403, "APIGW.9999", Word.STALLED, reasons.PERMISSION_DENIED, MAY_HAVE_RUN),
        (429, "", Word.TRANSIENT, reasons.THROTTLED, MAY_HAVE_RUN),
        (404, "", Word.STALLED, reasons.REQUEST_REFUSED, MAY_HAVE_RUN),
        (302, "", Word.STALLED, reasons.REQUEST_REFUSED, MAY_HAVE_RUN),
        (500, "", Word.TRANSIENT, reasons.CLOUD_INTERNAL_ERROR, MAY_HAVE_RUN),
    ],
)
def test_what_an_answer_means(status: int, code: str, word: Word, reason: str, *, refused: bool) -> None:
    found = meaning(status, code)
    assert (found.word, found.reason, found.refused) == (word, reason, refused)


def test_every_reason_of_the_table_may_stand_in_a_condition() -> None:
    assert {row.reason for row in TABLE.values()} <= reasons.CONDITION_REASONS


def test_what_heals_and_what_needs_a_person_agree_with_the_reasons() -> None:
    for code, row in TABLE.items():
        if row.word is Word.STALLED:
            assert row.reason in reasons.STALLING, code
        if row.word in (Word.CONFLICT, Word.TRANSIENT):
            assert row.reason in reasons.HEALING, code


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(503, "", TransientError), (409, "DBS.200019", TransientError), (403, "DBS.200010", StalledError)],
)
def test_the_error_of_a_question_says_what_the_cloud_said(status: int, code: str, kind: type[Exception]) -> None:
    error = error_for(status, code, "It did not work.", 7.0)
    assert type(error) is kind
    assert error.message.startswith(f"The cloud answered {status}{' ' + code if code else ''}: It did not work. ")
    assert error.code == code
    if isinstance(error, TransientError):
        assert error.retry_after == 7.0
