"""Answers of the cloud are bounded before they are parsed: in bytes, in depth, and they are never unpacked."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable
from typing import Final

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of an answer; a page of 128 instances has about 100 KB, of 128 jobs about 70 KB."""

MOST_DEPTH: Final = 32
"""Levels of an answer; the deepest one that is documented has six. Python's own limit ends in a RecursionError."""

_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_TEXT: Final = re.compile(rb'"[^"]*"')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b'[]{}"'))


class UnboundedError(Exception):
    """The answer is larger, deeper or other than anything that would be an answer."""


async def read(chunks: AsyncIterable[bytes], encoding: str) -> bytes:
    """The whole body.

    Compressed ones are not asked for, and not unpacked: a kilobyte of them may stand for a gigabyte.

    Args:
        chunks: as they come over the wire.
        encoding: the header ``Content-Encoding``; empty when there is none.

    Raises:
        UnboundedError: it is too long, or compressed.
    """
    if encoding.strip().lower() not in ("", "identity"):
        raise UnboundedError("the answer is compressed, which was not asked for")
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > MOST_BYTES:
            raise UnboundedError("the answer is too long")
    return bytes(content)


def parse(content: bytes) -> object:
    """The body as JSON; None when it is none.

    Raises:
        UnboundedError: it is nested too deep.
    """
    if depth(content) > MOST_DEPTH:
        raise UnboundedError("the answer is nested too deep")
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


def depth(content: bytes) -> int:
    """How many brackets are open at once at the most, counted up to one more than ``MOST_DEPTH``.

    Brackets inside of texts do not count. All of it is done by bytes' own methods, which cost less than parsing does.
    """
    quoted = _ESCAPED.sub(b"", content).translate(_ONE_KIND, _NO_BRACKETS)
    left = _TEXT.sub(b"", quoted.replace(b'""', b""))  # two quotes in a row change nothing for what is around them
    for levels in range(MOST_DEPTH + 1):
        inner = left.replace(b"[]", b"")
        if inner == left:
            return levels + left.count(b"[")  # nothing, or what is no JSON
        left = inner
    return MOST_DEPTH + 1
