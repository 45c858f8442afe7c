"""A decision is a value: what to do next, why, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ddm_operator.domain.model import Operation


class Verb(StrEnum):
    """What a pass does."""

    REST = "rest"
    """The desired state holds."""
    BEGIN = "begin"
    """Start the operation that the decision carries."""
    CONFIRM = "confirm"
    """Find out whether a call was executed."""
    FOLLOW = "follow"
    """The cloud works on it."""
    VERIFY = "verify"
    """The cloud says it is done; see whether it is."""
    WAIT = "wait"
    """Something else has to end first, and will by itself."""
    STALL = "stall"
    """A person has to act."""


@dataclass(frozen=True)
class Decision:
    """One decision.

    Args:
        verb: what to do.
        reason: condition reason.
        message: for people; holds nothing that changes from pass to pass without meaning.
        requeue_after: seconds until the next look.
        operation: what the journal says from now on; None leaves it as it is. With ``begin``: the plan.
        resolved: the resolve annotation's value that this decision carried out.
        unfit_answer: the resolve annotation's value when it answers no question that was asked.
        answer_withdrawn: the resolve annotation was taken away; the same value set anew is a new answer.
    """

    verb: Verb
    reason: str
    message: str
    requeue_after: float
    operation: Operation | None = None
    resolved: str = ""
    unfit_answer: str = ""
    answer_withdrawn: bool = False
