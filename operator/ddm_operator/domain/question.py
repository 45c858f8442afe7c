"""Questions that evidence leaves open and only a person can answer.

The journal says whether one is open, because only what was stored can have been read. An answer that is given to
anything else is refused once and never acted on, also not when its question is asked later.
"""

from __future__ import annotations

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Case
from ddm_operator.domain.model import Operation, Phase

ANNOTATION = "ddm.huaweicloud.com/resolve"


def is_open(operation: Operation | None) -> bool:
    """Whether a person was asked about this operation."""
    return operation is not None and operation.open and operation.reason == reasons.OUTCOME_UNKNOWN


def answers(operation: Operation | None) -> dict[str, Phase]:
    """What may be answered about an operation, and the phase that each answer closes it in."""
    if operation is None or not operation.open:
        return {}
    return {f"{operation.id}=retry": Phase.REJECTED, f"{operation.id}=abandon": Phase.ABANDONED}


def answered(case: Case) -> Phase | None:
    """The phase that a person's answer closes the open question in; None when there is none that counts."""
    if not is_open(case.status.operation) or _handled(case):
        return None
    return answers(case.status.operation).get(case.desired.resolve)


def unfit(case: Case) -> str:
    """The answer that fits no question which was asked, and was not refused before; empty when there is none."""
    operation, answer = case.status.operation, case.desired.resolve
    fits = is_open(operation) and answer in answers(operation)
    return "" if fits or _handled(case) else answer


def how_to_answer(case: Case) -> str:
    """What a person does to answer."""
    retry, abandon = answers(case.status.operation)
    text = f"annotate the object with {ANNOTATION}={retry} (they were not: plan again) or "
    text += f"={abandon} (leave it)."
    if _handled(case) and case.desired.resolve in (retry, abandon):
        text += f" The value {case.desired.resolve} that is there came before this question and does not count: "
        text += "remove the annotation, and set it anew when status.lastHandledResolve is gone."
    return text


def _handled(case: Case) -> bool:
    """Whether the annotation holds what was acted on or refused already; Git tools keep it on the object."""
    return case.desired.resolve == case.status.last_handled_resolve
