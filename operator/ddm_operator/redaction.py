"""The last defence of secrets: whatever is about to be shown has them taken out.

Nothing should get here with a secret inside. Values that were registered are found in any spelling that a log line
gives them; beyond those, what looks like a credential is taken out without being known.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from typing_extensions import override

MASK = "***"

SHORTEST_SECRET = 6
"""Characters; a shorter value would be found inside of ordinary words and make the log unreadable."""

MOST_SECRETS = 2_000
"""Values; beyond that the one goes that was in use longest ago: somebody may change a Secret for ever."""

_NAMES = (
    r"(?:(?:proxy-)?authorization|x-(?:auth|subject|security)-token|(?:set-)?cookie|password|passwd|secret|"
    r"secret_?(?:access_?)?key|(?:security|access|id)_?token)"
)

_QUOTED = re.compile(rf"""(?i)(?P<start>(?P<q>\\?["']){_NAMES}(?P=q)\s*[:,=]\s*b?(?P<w>\\?["'])).*?(?P<end>(?P=w))""")
"""``"X-Auth-Token": "…"``, also as a repr or inside of a JSON string."""

_BARE = re.compile(rf"""(?i)(?P<start>\b{_NAMES}\s*[:=]\s*+)(?!["'\\*])[^"'\\\n]+""")
"""``Authorization: …`` up to the end of the line or of the string around it."""

_ADDRESS = re.compile(r"(?P<start>\bhttps?://)[^\s\"']{1,1000}@")
"""Name and password in an address, up to the last ``@``: a password may hold what should be escaped there. Not without
a bound, or a hostile text of nothing but ``http://`` would take the square of its length."""

_TOKEN = re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|\b[A-Za-z0-9+/_-]{200,}={0,2}")
"""A JSON web token; a long run of Base64, as tokens of the cloud are (the page-long ``MII…``)."""


class Redactor:
    """Knows the values that must not be shown."""

    def __init__(self) -> None:
        self._spellings: dict[str, frozenset[str]] = {}
        """By secret; the one that was registered longest ago comes first."""
        self._known: re.Pattern[str] | None = None

    @override
    def __repr__(self) -> str:
        return f"Redactor({len(self._spellings)} secrets)"

    def hide(self, secret: str) -> None:
        """Never show this value again, in any spelling: plain, in JSON, in an address, in a repr."""
        if len(secret) < SHORTEST_SECRET:
            return
        if secret in self._spellings:
            self._spellings[secret] = self._spellings.pop(secret)  # whatever is in use is registered again and again
            return
        self._spellings[secret] = frozenset(
            {
                secret,
                json.dumps(secret)[1:-1],
                json.dumps(secret, ensure_ascii=False)[1:-1],
                quote(secret, safe=""),
                repr(secret)[1:-1],
            }
        )
        if len(self._spellings) > MOST_SECRETS:
            del self._spellings[next(iter(self._spellings))]
        self._known = None

    def _pattern(self) -> re.Pattern[str]:
        """Made when it is needed: many secrets may come before the next line is written."""
        if self._known is None:
            spellings = {spelling for found in self._spellings.values() for spelling in found}
            self._known = re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))
        return self._known

    def clean(self, text: str) -> str:
        """The text without what must not be shown; safe to apply again."""
        if self._spellings:
            text = self._pattern().sub(MASK, text)
        text = _QUOTED.sub(rf"\g<start>{MASK}\g<end>", text)
        text = _BARE.sub(rf"\g<start>{MASK}", text)
        text = _ADDRESS.sub(rf"\g<start>{MASK}@", text)
        return _TOKEN.sub(MASK, text)


redactor = Redactor()
"""The process's own; logging is one per process as well. Who reads a credential registers it here."""
