"""Many stories: in this process or in several, counted, and those that broke kept."""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import get_state_machine_test
from typing_extensions import override

from tests.torture.fresh import BACKEND
from tests.torture.machine import STEPS, Machine
from tests.torture.mutants import MUTANTS, broken_by
from tests.torture.story import BrokenPromiseError, Story

CHUNK: Final = 50
KEPT: Final = 3
"""Broken stories that are kept whole."""


@dataclass
class Result:
    """What came of some stories."""

    stories: int = 0
    deeds: int = 0
    broken: int = 0
    seconds: float = 0.0
    kept: list[tuple[str, list[list[Any]]]] = field(default_factory=list)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        """Take in the result of others."""
        self.stories += other.stories
        self.deeds += other.deeds
        self.broken += other.broken
        self.seconds += other.seconds
        self.kept = (self.kept + other.kept)[:KEPT]
        for name in ("events", "transitions", "said", "counts"):
            getattr(self, name).update(getattr(other, name))


def chunk(seed: int, stories: int, mutant: str = "") -> Result:
    """Run some stories in this process.

    Args:
        seed: of Hypothesis' choices; the same seed, the same stories.
        stories: how many.
        mutant: name of the breakage under which they run; empty for none.
    """
    result = Result()
    began = time.process_time()

    class Counted(Machine):
        @override
        def tally(self, story: Story) -> None:
            result.stories += 1
            result.deeds += len(self.deeds)
            _count(result, story)

        @override
        def broke(self, error: BrokenPromiseError) -> None:
            result.broken += 1
            if len(result.kept) < KEPT:
                result.kept.append((str(error), [list(deed) for deed in self.deeds]))

    bounds = settings(
        max_examples=stories,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        backend=BACKEND,
        suppress_health_check=list(HealthCheck),
    )
    run = hypothesis.seed(seed)(get_state_machine_test(Counted, settings=bounds, _min_steps=STEPS))
    chosen = next((broken_by(found) for found in MUTANTS if found.__name__ == mutant), nullcontext())
    logging.disable(logging.CRITICAL)
    try:
        with chosen, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
    finally:
        logging.disable(logging.NOTSET)
    result.seconds = time.process_time() - began
    return result


def many(
    stories: int, seed: int, workers: int, mutant: str = "", until: Callable[[Result], bool] = lambda _: False
) -> Iterator[Result]:
    """Run stories in several processes; yields the whole so far after every chunk.

    Args:
        stories: how many at least.
        seed: of all of them.
        workers: processes.
        mutant: see ``chunk``.
        until: ends it early.
    """
    whole = Result()
    seeds = [seed * 1_000_000 + number for number in range(-(-stories // CHUNK))]
    work = [(each, min(CHUNK, stories), mutant) for each in seeds]
    with get_context("spawn").Pool(workers, maxtasksperchild=20) as pool:
        for result in pool.imap_unordered(_chunk, work):
            whole.add(result)
            yield whole
            if until(whole):
                return  # which ends the workers


def _chunk(given: tuple[int, int, str]) -> Result:
    return chunk(*given)


def _count(result: Result, story: Story) -> None:
    oracle, entries = story.oracle, story.universe.world.entries
    result.events.update(story.events)
    result.transitions.update(oracle.transitions)
    result.said.update(oracle.said)
    received = [entries.get(key) for key in oracle.by_entry]
    result.counts.update(
        {
            "intents": len(oracle.intents),
            "calls received": len(received),
            "calls executed": sum(entry is not None and entry.executed for entry in received),
            "operators": story.born,
            "passes": sum(replica.outside.passes for replica in (*story.replicas, *story.dead)),
            "simulated seconds": int(story.universe.time),
        }
    )
