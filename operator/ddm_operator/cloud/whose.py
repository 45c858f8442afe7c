"""Whose credential the requests for a namespace are made with: its own Secret's, else the operator's where it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ddm_operator.cloud.credentials import Credential, credential_in_secret, own_credential
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError
from ddm_operator.ports import Secrets
from ddm_operator.settings import Credentials

FRESH_SECONDS: Final = 5.0
"""How long the operator's own credential is used before its files are read again; as long as a Secret's."""

EVERYBODY: Final = "*"


@dataclass(frozen=True)
class Owner:
    """A credential, and who has it: a namespace, or the operator itself (an empty name)."""

    name: str
    credential: Credential


class Choice:
    """Chooses for a namespace.

    Args:
        settings: which namespaces may use the operator's own, and where that is.
        secrets: the namespaces' Secrets.
        monotonic: seconds.
    """

    def __init__(self, settings: Credentials, secrets: Secrets, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._secrets = secrets
        self._monotonic = monotonic
        self._own: Credential | None = None
        self._read_at = 0.0

    async def of(self, namespace: str, *, following: bool) -> Owner:
        """The credential for a namespace; see ``ports.Clouds`` for what is raised and what ``following`` means."""
        data = await self._data(namespace, following=following)
        if data is not None:
            return Owner(namespace, credential_in_secret(data, self._secret_of(namespace)))
        if self._may_use_ours(namespace):
            return Owner("", self._ours())
        if not self._settings.per_namespace:
            text = f"Namespace {namespace} may not use the operator's own credential, and "
            text += (
                "DDM_CREDENTIALS_PER_NAMESPACE forbids one of its own. Nothing is asked or changed until that changes: "
            )
            text += f"have {namespace} added to DDM_CREDENTIALS_OWN_NAMESPACES, or the other set to true."
            raise StalledError(reasons.CREDENTIALS_MISSING, text)
        text = f"Namespace {namespace} has no Secret {self._settings.secret_name}, and may not use the operator's own "
        text += "credential. Nothing is asked or changed until one of the two is so: make the Secret, or have "
        text += f"{namespace} added to DDM_CREDENTIALS_OWN_NAMESPACES of the operator."
        raise StalledError(reasons.CREDENTIALS_MISSING, text)

    def source(self, owner: Owner) -> str:
        """Where a credential comes from, for people."""
        if owner.name:
            return self._secret_of(owner.name)
        return "the folder DDM_CREDENTIALS_DIR of the operator" if self._settings.dir else "the operator's environment"

    def _secret_of(self, namespace: str) -> str:
        return f"the Secret {self._settings.secret_name} in namespace {namespace}"

    async def _data(self, namespace: str, *, following: bool) -> Mapping[str, bytes] | None:
        """The Secret's values; while an operation is open what they last were, rather than nothing."""
        if not self._settings.per_namespace:
            return None
        try:
            return await self._secrets.read(namespace)
        except OperatorError:
            last = self._secrets.last(namespace) if following else None
            if last is None:
                raise
            return last

    def _may_use_ours(self, namespace: str) -> bool:
        return not {namespace, EVERYBODY}.isdisjoint(self._settings.own_namespaces)

    def _ours(self) -> Credential:
        now = self._monotonic()
        if self._own is None or now - self._read_at >= FRESH_SECONDS:
            self._own = None
            self._own, self._read_at = own_credential(self._settings.dir), now
        return self._own
