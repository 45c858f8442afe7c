"""The one place where time comes from."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """UTC, in whole seconds, as Kubernetes writes times."""
        return datetime.now(UTC).replace(microsecond=0)

    def monotonic(self) -> float:
        """Seconds that never go back and that also pass while the machine is suspended, where it can tell."""
        return time.clock_gettime(_SINCE_BOOT) if _SINCE_BOOT is not None else time.monotonic()
