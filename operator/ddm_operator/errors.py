"""Five words for everything that can go wrong in a pass, and one for before; they know nothing of Kopf or HTTP.

Absence is not an error: a question that was answered with "nothing" returns a value, only a failed one raises.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Base of the five.

    Args:
        reason: CamelCase condition reason, one of ``ddm_operator.domain.reasons``.
        message: a sentence for people: what happened, what the operator does now, what a person can do.
        code: the cloud's own code, such as ``DBS.200019``, when it gave one.
    """

    def __init__(self, reason: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code


class StalledError(OperatorError):
    """Only a person can help; re-checked slowly."""


class WaitingError(OperatorError):
    """Something expected has to end first, and will by itself.

    Args:
        requeue_after: seconds until another look is worth while; None leaves it to the engine.
    """

    def __init__(self, reason: str, message: str, *, code: str = "", requeue_after: float | None = None) -> None:
        super().__init__(reason, message, code=code)
        self.requeue_after = requeue_after


class TransientError(OperatorError):
    """The question failed (network, 5xx, throttling); it is asked again, later each time.

    Args:
        retry_after: seconds that the answering side asked for, when it did.
    """

    def __init__(self, reason: str, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason, message, code=code)
        self.retry_after = retry_after


class ConflictError(OperatorError):
    """Somebody else wrote the object meanwhile (compare-and-swap lost); start again from a fresh read."""


class AmbiguousError(OperatorError):
    """A write was sent and its outcome is unknown; only reading back can tell."""


class CannotStartError(Exception):
    """Something that the process needs before any object does is not usable; the text tells a person what to do."""
