"""Identifiers in the shapes of the cloud, drawn from one seed so that a run can be repeated."""

from __future__ import annotations

import hashlib
from uuid import UUID

_CHANCE_BITS = 53


class Ids:
    """Draws that never repeat. The same seed and counter give the same draws."""

    def __init__(self, seed: str, drawn: int = 0) -> None:
        self.seed = seed
        self.drawn = drawn

    def instance(self) -> str:
        """A DDM instance: 32 hexadecimal digits and ``in09``."""
        return self._hex() + "in09"

    def node(self) -> str:
        """A DDM node."""
        return self._hex() + "no09"

    def group(self) -> str:
        """A node group."""
        return self._hex() + "gr09"

    def data_node(self) -> str:
        """An RDS for MySQL instance."""
        return self._hex() + "in01"

    def plain(self) -> str:
        """A project, a user, a request: 32 hexadecimal digits without a suffix."""
        return self._hex()

    def uuid(self) -> str:
        """A job."""
        return str(UUID(self._hex(), version=4))

    def order(self) -> str:
        """An order: ``CS`` and 15 digits and capitals."""
        return "CS" + str(int(self._hex(), 16))[:10] + self._hex()[:5].upper()

    def secret(self) -> str:
        """A token or a secret key: hard to guess when the seed is."""
        return self._hex() + self._hex()

    def access_key(self) -> str:
        """A temporary access key."""
        return self._hex()[:20].upper()

    def chance(self) -> float:
        """A number from 0 to 1, without 1."""
        return (int(self._hex(), 16) >> (128 - _CHANCE_BITS)) / (1 << _CHANCE_BITS)

    def _hex(self) -> str:
        self.drawn += 1
        return hashlib.sha256(f"{self.seed}/{self.drawn}".encode()).hexdigest()[:32]
