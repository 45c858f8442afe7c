"""From a credential to a login: which endpoint is asked for what, over which connections, at which pace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from ddm_operator.cloud.auth import KeyLogin, Login, TokenLogin
from ddm_operator.cloud.credentials import AccessKey, Credential, IdToken, OidcAgency, PodIdentity, UserPassword
from ddm_operator.cloud.endpoints import Endpoints
from ddm_operator.cloud.exchange import KeySource, TokenSource
from ddm_operator.cloud.http import Http, Observe
from ddm_operator.cloud.limiter import Limiter, Pace, Pressure, Slots
from ddm_operator.cloud.renewal import Renewed
from ddm_operator.ports import Clock
from ddm_operator.settings import Cloud

KEPT_SECONDS: Final = 600.0
"""How long the pace of a credential that nobody has any more is remembered: one that is put back has no new burst."""


class Transport:
    """Endpoints over the two pools of connections: a pace for each credential there, slots for each who asks.

    Args:
        settings: time-outs and pace.
        connections: to the cloud.
        nearby: to the agent on the node, without a proxy.
        clock: time.
        observe: is told about every request.
        chance: from 0 to 1, another one each time.
    """

    def __init__(
        self,
        settings: Cloud,
        connections: httpx.AsyncBaseTransport,
        nearby: httpx.AsyncBaseTransport,
        clock: Clock,
        observe: Observe,
        chance: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._nearby = nearby
        self._observe = observe
        self.clock = clock
        self.chance = chance
        self._limiters: dict[tuple[Credential, str], Limiter] = {}
        self.pressure = Pressure()
        """How close to their limits the limiters are."""
        self._left_at: dict[Credential, float] = {}
        self._keys: dict[tuple[Credential, str], Renewed[AccessKey]] = {}

    def http(self, base: str, credential: Credential, *, nearby: bool = False) -> Http:
        """An endpoint for a credential; ``base`` is its address without a trailing slash."""
        settings, monotonic = self._settings, self.clock.monotonic
        limiter = self._limiters.setdefault((credential, base), Limiter(pace(settings), monotonic))
        slots = Slots(settings.concurrent_requests)
        self.pressure.watch(urlsplit(base).netloc, limiter, slots)
        return Http(
            self._nearby if nearby else self._connections,
            base,
            limiter,
            slots,
            timeout=settings.connect_timeout_seconds + settings.read_timeout_seconds,
            monotonic=monotonic,
            observe=self._observe,
        )

    def temporary_key(self, who: OidcAgency | PodIdentity, sts: str) -> Renewed[AccessKey]:
        """One for all who have this credential in this region; these kinds are the operator's own."""
        if isinstance(who, PodIdentity):
            address = urlsplit(who.uri)
            base = f"{address.scheme}://{address.netloc}"
        else:
            base = sts
        if (who, base) not in self._keys:
            source = KeySource(self.http(base, who, nearby=isinstance(who, PodIdentity)), who, self.clock)
            self._keys[who, base] = Renewed(source.fetch, self.clock.monotonic, self.chance())
        return self._keys[who, base]

    def forget_other_than(self, used: set[Credential]) -> None:
        """Drop what belongs to credentials that nobody has, the pace of each after a while."""
        now = self.clock.monotonic()
        known = {credential for credential, _ in self._limiters}
        self._left_at = {one: self._left_at.get(one, now) for one in known - used}
        kept = used | {one for one, left in self._left_at.items() if now - left < KEPT_SECONDS}
        self._limiters = {key: limiter for key, limiter in self._limiters.items() if key[0] in kept}
        self._keys = {key: renewed for key, renewed in self._keys.items() if key[0] in used}


def pace(settings: Cloud) -> Pace:
    """What is set."""
    reads = settings.requests_per_second, settings.burst_requests
    return Pace(*reads, settings.calls_per_second, settings.burst_calls)


def login(transport: Transport, credential: Credential, at: Endpoints, region: str, project_id: str) -> Login:
    """How a credential proves itself in a region."""
    iam = transport.http(at.iam, credential)
    match credential:
        case AccessKey():
            return KeyLogin(iam, credential, region, project_id, transport.clock)
        case UserPassword() | IdToken():
            source = TokenSource(iam, credential, region)
            return TokenLogin(source, project_id, transport.clock.monotonic, transport.chance())
        case OidcAgency() | PodIdentity():
            key = transport.temporary_key(credential, at.sts)
            return KeyLogin(iam, key, region, project_id, transport.clock)
