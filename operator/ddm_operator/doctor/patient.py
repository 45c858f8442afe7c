"""What the checks know: each leaves to the later ones what it has found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from ddm_operator.errors import OperatorError
from ddm_operator.kube.inquiry import Inquiry
from ddm_operator.ports import Clock
from ddm_operator.settings import Settings


@dataclass
class Patient:
    """One examination.

    Args:
        read: reads the settings; raises ``InvalidSettingsError``.
        namespace: whose credential is looked at.
        clock: time.
        parts: what is closed in the end.
    """

    read: Callable[[], Settings]
    namespace: str
    clock: Clock
    parts: AsyncExitStack
    known: Settings | None = None
    inquiry: Inquiry | None = None
    cloud_time: tuple[datetime, datetime] | None = None
    """What the cloud's clock said, and ours at that moment."""
    failure: OperatorError | None = None
    """What became of the first authenticated question, when it failed."""
    project: str = ""
    """A sentence about the project, when it did not."""

    @property
    def settings(self) -> Settings:
        """Known once they were read."""
        if self.known is None:
            raise ValueError("the settings are read first")
        return self.known

    @property
    def questions(self) -> Inquiry:
        """Known once the API server has answered."""
        if self.inquiry is None:
            raise ValueError("the API server is asked first")
        return self.inquiry
