"""What every long-running operation knows how to do: propose, begin, monitor, achieved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ddm_operator.domain.case import Case
from ddm_operator.domain.decide import Kind
from ddm_operator.domain.model import Operation
from ddm_operator.ports import CallOutcome, Cloud


class OperationKind(Kind, Protocol):
    """A kind of operation; ``propose`` and ``monitor`` are the pure half."""

    async def begin(
        self, cloud: Cloud, instance_id: str, operation: Operation, may_leave: Callable[[], bool]
    ) -> CallOutcome:
        """Send the one call of a stored intent; see ``Cloud.enlarge`` for ``may_leave``."""

    def achieved(self, case: Case, operation: Operation) -> bool:
        """Whether what the operation was for holds; judged on nodes that were read, not remembered."""
