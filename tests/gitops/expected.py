"""What GitOps tools shall make of each snapshot; written by hand, one line for each meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ddm_operator.domain import reasons

HEALTHY, PROGRESSING, DEGRADED, SUSPENDED = "Healthy", "Progressing", "Degraded", "Suspended"
CURRENT, IN_PROGRESS, FAILED = "Current", "InProgress", "Failed"
NOT_YET: Final = "Waiting for the operator to look at it."


@dataclass(frozen=True)
class Expected:
    """The colours of one snapshot.

    Args:
        strict: Argo CD's, by ``health.lua``.
        serving: Argo CD's, by ``serving/health.lua``.
        kstatus: Flux', Helm's and kpt's.
        ready: whether ``kubectl wait --for=condition=Ready`` returns at once.
    """

    strict: str
    serving: str
    kstatus: str
    ready: bool = False


HOLDS: Final = Expected(HEALTHY, HEALTHY, CURRENT, ready=True)
WORKS: Final = Expected(PROGRESSING, HEALTHY, IN_PROGRESS)
BLIND: Final = Expected(PROGRESSING, PROGRESSING, IN_PROGRESS)
"""Nothing was ever seen of the instance."""
STUCK: Final = Expected(DEGRADED, DEGRADED, FAILED)

OF_READY: Final[dict[str, Expected]] = {
    **dict.fromkeys(reasons.DONE, HOLDS),
    **dict.fromkeys(reasons.HEALING, WORKS),
    **dict.fromkeys(reasons.UNSURE, BLIND),
    **dict.fromkeys(reasons.STALLING, STUCK),
    reasons.PAUSED: Expected(SUSPENDED, SUSPENDED, IN_PROGRESS),
}

SITUATIONS: Final[dict[str, Expected]] = {
    "NeverLookedAt": BLIND,
    # The condition speaks of the spec before. `kubectl wait` looks at observedGeneration only where a condition has it.
    "Changed": BLIND,
    "ScalingOutFurther": WORKS,
    "ScalingOutPaused": WORKS,
    "PausedAsDeclared": Expected(SUSPENDED, SUSPENDED, CURRENT, ready=True),
    "ObservedAndServing": HOLDS,
    "ObservedAndNotServing": Expected(HEALTHY, PROGRESSING, CURRENT, ready=True),
    "ObservedAndUnknown": Expected(HEALTHY, PROGRESSING, CURRENT, ready=True),
}

EXPECTED: Final = OF_READY | SITUATIONS
