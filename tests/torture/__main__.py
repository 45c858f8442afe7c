"""The proof by schedules: many stories, the mutants that they kill, and one story told again."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path

from tests.torture import coverage
from tests.torture.mutants import MUTANTS
from tests.torture.run import Result, many
from tests.torture.shorten import shorten, tell

BROKEN = Path("build/broken-story.json")
MOST = 5000
"""Stories after which a mutant that broke none of them lives."""


def main() -> int:
    """Run what was asked for; 1 when a promise was broken or a mutant lived."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("what", choices=("run", "mutants", "replay"), nargs="?", default="run")
    parser.add_argument(
        "--stories", type=_number, help="how many (run: 10000, mutants: 150 each, more until one is broken)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same stories (default 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2, help="processes")
    parser.add_argument("--keep-going", action="store_true", help="run: do not stop at the first story that breaks")
    parser.add_argument("--only", type=_name, default="", help="mutants: those whose name contains this")
    parser.add_argument("--report", type=Path, default=Path("build/torture.md"), help="where the tables go")
    parser.add_argument("--story", type=Path, default=BROKEN, help="replay: a story that broke")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # a story is told in its own sentences
    commands = {"run": run, "mutants": mutants, "replay": replay}
    return commands[options.what](options)


def run(options: argparse.Namespace) -> int:
    """Many stories of the operator as it is."""
    stories, began = options.stories or 10_000, time.monotonic()
    whole = Result()
    for whole in many(
        stories, options.seed, options.workers, until=lambda found: found.broken > 0 and not options.keep_going
    ):
        print(f"\r{whole.stories:,} of {stories:,} stories, {whole.broken} broken", end="", flush=True)
    seconds = time.monotonic() - began
    counts = ", ".join(f"{number:,} {name}" for name, number in whole.counts.items())
    line = (
        f"{whole.stories:,} stories of {whole.deeds / max(whole.stories, 1):.0f} deeds on average in {seconds:.0f} s: "
    )
    line += f"{whole.broken} broke a promise. {counts}."
    print(f"\n{line}")
    if whole.kept:
        return _show(whole)
    absent = coverage.missing(whole)
    if absent:
        print(f"{len(absent)} of the rows and pairs were not reached; the default number of stories reaches all.")
    else:
        print("Every row of the table of phases, and every event in every phase, was reached.")
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(f"{line}\n\n{coverage.tables(whole)}\n", encoding="utf-8")
    print(f"The tables are in {options.report}.")
    return 0


def _show(whole: Result) -> int:
    """The shortest story that breaks, as sentences, and how to hear it again."""
    print("Making the story short ...", flush=True)
    deeds = shorten(whole.kept[0][1])
    BROKEN.parent.mkdir(parents=True, exist_ok=True)
    BROKEN.write_text(json.dumps(deeds), encoding="utf-8")
    print(tell(deeds))
    print(f'\nAgain: make torture ARGS="replay --story {BROKEN}"')
    return 1


def mutants(options: argparse.Namespace) -> int:
    """How many stories each deliberate breakage survives."""
    least, living = options.stories or 150, 0

    def seen_enough(found: Result) -> bool:
        return killed(found) and found.stories >= least

    print("| mutant | what is broken | stories | broke a promise |\n| --- | --- | ---: | ---: |")
    for mutant in MUTANTS:
        name = mutant.__name__
        if options.only not in name:
            continue
        *_, whole = many(MOST, options.seed, options.workers, name, seen_enough)
        living += not killed(whole)
        text = (mutant.__doc__ or "").strip().rstrip(".")
        print(f"| {name.replace('_', ' ')} | {text} | {whole.stories} | {whole.broken} |", flush=True)
    print(f"\n{living} lived." if living else "\nAll were killed.")
    return 1 if living else 0


def killed(found: Result) -> bool:
    """Whether a promise was broken; a mutant that merely raises has not been caught at what it does."""
    return any("'exception'" not in told for told, _ in found.kept)


def replay(options: argparse.Namespace) -> int:
    """Tell one story again."""
    if not options.story.exists():
        print(f"There is no story {options.story}: one is kept there when it breaks a promise.", file=sys.stderr)
        return 2
    said = tell(json.loads(options.story.read_text(encoding="utf-8")))
    print(said or "Nothing is broken in this story any more.")
    return 1 if said else 0


def _number(text: str) -> int:
    """At least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of stories")
    return int(text)


def _name(text: str) -> str:
    """A part of a mutant's name, as the table or as the code has it."""
    names = [mutant.__name__ for mutant in MUTANTS]
    part = text.strip().replace(" ", "_")
    if not any(part in name for name in names):
        raise argparse.ArgumentTypeError(f"no mutant is called {text}; there are: {', '.join(names)}")
    return part


if __name__ == "__main__":
    sys.exit(main())
