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


# Every code that the API reference's error pages list, by what kind of answer it is: C another operation, P the RDS
# instances, I bad input, N not there, A not allowed, Q quota or capacity, F a failure in the middle of the work.
REFERENCE = {
    "C": "200019 212033 200011 200047 201202 212006 200316 201014 200086 201205 300130 300134 200018 200076 "
    "200080 200452 200463 200611 201000 201015 201206 216011 280005 280011 280228 280343 280816 00010009 "
    "01010337 01280030 05000084",
    "P": "300323 300110 300133",
    "I": "280001 300375 300371 300379 300360 200001 200004 200006 200405 280204 280404 290000 200025 280285 "
    "200024 200049 200501 200053 200054 280239 290002 300376 300377 300102 300106 300127 300103 300104 "
    "300107 300108 300109 300405 300406 300407 300112 300118 300114 300357 300305 300306 300307 300309 "
    "300310 300311 300327 300315 300362 300372",
    "N": "300400 200002 200013 200045 200408 200602 201028 200008 200543",
    "A": "200010 200604 200044 201003 280015 280056",
    "Q": "200046 200056 216028 280450 280434 280449",
    "F": "200412 300002 300005 300322 300116 300117 300125 300335 300356 300120 300369 300370 108000 108002 "
    "108005 200005 213004 111205 300100 300101 300113 300115 300121 300122 300123 300128 300129 300131 "
    "300132 300135 300300 300301 300302 300312 300313 300314 300316 300328 300329 300345 300346 300347 "
    "300365 300366 300367 300330 300331 300338 300339 300340 300341 300342 300343 300344 300348 300349 "
    "300350 300351 300352 300353 300354 300355 300363 300332 300333 300334 300337 300364 300368 300336 "
    "300358 300401 300402 300408",
}
WORDS = {
    "C": {Word.CONFLICT},
    "P": {Word.CONFLICT},
    "I": {Word.STALLED},
    "N": {Word.GONE},
    "A": {Word.STALLED},
    "Q": {Word.STALLED, Word.CONFLICT},
    "F": {Word.TRANSIENT},
}


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind, codes in REFERENCE.items() for code in codes.split()]
)
def test_every_code_of_the_reference_has_its_row(kind: str, code: str) -> None:
    """DDM answers all of its own codes with 400; only what is no failure may count as refused."""
    row = TABLE[f"DBS.{code}"]
    assert row.word in WORDS[kind]
    assert row.refused == (kind != "F")
    assert meaning(400, f"DBS.{code}") == row
    assert not meaning(500, f"DBS.{code}").refused


@pytest.mark.parametrize("code", sorted(code for code in TABLE if code.startswith("APIGW.")))
def test_older_gateways_print_another_prefix(code: str) -> None:
    status = 500 if TABLE[code].word is Word.TRANSIENT and code != "APIGW.0308" else 404
    assert meaning(status, code.replace("APIGW", "APIG")) == meaning(status, code) == TABLE[code]


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
