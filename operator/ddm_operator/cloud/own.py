"""The cloud with the operator's own credential, whatever namespaces there are: for commands that need no cluster."""

from __future__ import annotations

from ddm_operator.cloud.whose import EVERYBODY
from ddm_operator.settings import Settings

HALF = 0.5


class NoSecrets:
    """``ports.Secrets`` where no namespace has one."""

    async def read(self, namespace: str) -> None:
        """None, of any."""
        del namespace

    def last(self, namespace: str) -> None:
        """Likewise."""
        del namespace


def no_chance() -> float:
    """Takes the place of chance where a process ends long before it would renew anything."""
    return HALF


def for_everybody(settings: Settings) -> Settings:
    """The same settings, with the operator's own credential for every namespace."""
    credentials = settings.credentials.model_copy(update={"own_namespaces": (EVERYBODY,)})
    return settings.model_copy(update={"credentials": credentials})
