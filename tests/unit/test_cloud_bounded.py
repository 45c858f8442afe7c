"""Answers that are made to hurt: too long, too deep, packed. They end as an answer that cannot be read."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import given, strategies
from typing_extensions import override

from ddm_operator.clock import SystemClock
from ddm_operator.cloud import bounded
from ddm_operator.cloud.http import Ask, Http
from ddm_operator.cloud.limiter import Limiter, Pace, Slots
from ddm_operator.errors import TransientError

DEEP = 100_000


class Endless(httpx.AsyncByteStream):
    """Goes on for as long as somebody reads; counts what was taken."""

    taken = 0

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 65_536
            yield b" " * 65_536


def http(answer: Callable[[httpx.Request], httpx.Response]) -> Http:
    clock = SystemClock()
    limiter, slots = Limiter(Pace(1000, 1000, 1000, 1000), clock.monotonic), Slots(10)
    return Http(
        httpx.MockTransport(answer),
        "https://ddm.example.com",
        limiter,
        slots,
        timeout=20,
        monotonic=clock.monotonic,
        observe=lambda *_: None,
    )


def streamed(content: bytes) -> httpx.Response:
    """Not read yet, as an answer comes from the network."""
    return httpx.Response(200, stream=httpx.ByteStream(content))


async def ask(response: httpx.Response) -> object:
    return (await http(lambda _: response).ask(Ask("list_jobs", "GET", "/v3/p/jobs"), {})).body


async def test_a_stream_without_an_end_is_cut_off() -> None:
    endless = Endless()
    with pytest.raises(TransientError, match="too long"):
        await ask(httpx.Response(200, stream=endless))
    assert endless.taken <= bounded.MOST_BYTES + 65_536


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
async def test_what_is_packed_is_not_unpacked(encoding: str) -> None:
    """Ten kilobytes that stand for ten megabytes, and would twice packed stand for gigabytes."""
    zeros = b"0" * 10_000_000
    bomb = zlib.compress(zeros) if encoding == "deflate" else gzip.compress(gzip.compress(zeros))
    response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=httpx.ByteStream(bomb))
    tracemalloc.start()
    try:
        with pytest.raises(TransientError, match="compressed"):
            await ask(response)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(zeros) / 5


@pytest.mark.parametrize(
    "content",
    [
        b"[" * DEEP + b"]" * DEEP,
        b"[" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'[{"a":' * DEEP,
        b'{"a":"' + b"\\\\" * 7 + b'","b":' + b"[" * DEEP,
        b'{"\\"":' + b"[" * DEEP,
    ],
    ids=["lists", "unclosed", "objects", "mixed", "after escapes", "after a quoted quote"],
)
async def test_what_is_nested_too_deep_is_not_parsed(content: bytes) -> None:
    """Python's own parser ends in a RecursionError, which no pass expects."""
    with pytest.raises(RecursionError):
        json.loads(content)
    with pytest.raises(TransientError, match="nested too deep"):
        await ask(streamed(content))


@pytest.mark.parametrize(
    ("content", "depth"),
    [
        (b"", 0),
        (b"1", 0),
        (b'{"a": [1, {"b": []}]}', 4),
        (b'{"a": "[[[[{{{{"}', 1),
        (b'{"a\\"[[": "\\\\", "b": [1]}', 2),
        (b'["\\\\\\"[[[", []]', 2),
        (b"]]]][", 1),
        (b'{"a": "[]", "b": "", "c": {"d": ""}}', 2),
        (b"[" * bounded.MOST_DEPTH + b"]" * bounded.MOST_DEPTH, bounded.MOST_DEPTH),
        (b"[{}" * 99 + b"]" * 99, bounded.MOST_DEPTH + 1),
    ],
)
def test_brackets_in_texts_do_not_count(content: bytes, depth: int) -> None:
    assert bounded.depth(content) == depth


TEXTS = strategies.text(alphabet='[]{}"\\,: aé', max_size=6)


@given(
    strategies.recursive(
        TEXTS | strategies.none(),
        lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_answer_is_as_deep_as_it_is(answer: object) -> None:
    def levels(value: object) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(levels, inner), default=0)

    for spaced in (None, 2):
        assert bounded.depth(json.dumps(answer, indent=spaced).encode()) == levels(answer)


@pytest.mark.parametrize("content", [b"9" * 10_000, b'{"a": ' + b"1" * 5_000 + b"}", b"\xff", b"{", b"NaN,"])
async def test_what_is_no_json_is_none(content: bytes) -> None:
    assert await ask(streamed(content)) is None


async def test_an_ordinary_answer_is_read() -> None:
    page = {"instances": [{"id": "a", "nodes": [{"node_id": "[{"}]}] * 128}
    assert await ask(streamed(json.dumps(page).encode())) == page
