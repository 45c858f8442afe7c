"""The gateway's limit of requests: so many in each period, by project; a real one, which counts what comes."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

from ddm_simulator import errors
from ddm_simulator.errors import RefusalError
from ddm_simulator.settings import Settings


class Gateway:
    """Counts requests in windows that begin at whole periods."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()
        """The most requests that came in one window, by project; not kept in the state file."""
        self.throttled = 0
        """Requests that were answered with 429."""
        self._window = -1
        self._came: Counter[str] = Counter()

    def admit(self, settings: Settings, route: str, project_id: str | None, now: float) -> RefusalError | None:
        """Count a request of a project; the refusal when it is one too many."""
        if settings.rate_limit is None or project_id is None or not fnmatchcase(route, settings.rate_limit_routes):
            return None
        window = int(now // settings.rate_limit_seconds)
        if window != self._window:
            self._window = window
            self._came.clear()
        self._came[project_id] += 1
        self.most[project_id] = max(self.most[project_id], self._came[project_id])
        if self._came[project_id] <= settings.rate_limit:
            return None
        self.throttled += 1
        return errors.throttled(settings.rate_limit, settings.rate_limit_period)

    def clear(self) -> None:
        """Forget what was counted."""
        self.most.clear()
        self._came.clear()
        self.throttled = 0
