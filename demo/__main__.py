"""``make demo``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from demo.processes import DemoError
from demo.screen import Screen
from demo.stage import Stage
from demo.story import Call, Story
from devcluster import DevclusterError


def main() -> int:
    """Show it; 0 when all went as it must."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--svg", type=Path, help="also write the picture to this file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console()
    began = time.monotonic()
    try:
        with Screen(console) as screen, Stage(screen.say) as stage:
            story = Story(stage, screen)
            story.scale_out()
            story.scale_out_with_a_crash()
            calls = story.executed()
            _check(calls, story.expected())
            asked = ", ".join(f"{name} {value}" for name, value in calls[0].items())
            screen.say(
                "you", f"the cloud's ledger: {len(calls)} enlarge calls executed for 2 declared changes, each {asked}"
            )
            if options.svg:
                screen.export(options.svg)
            if os.environ.get("KEEP"):
                _keep(console, stage)
    except (DemoError, DevclusterError) as error:
        console.print(f"[bold red]The demo failed.[/] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; everything was ended.")
        return 130
    console.print(f"\n[bold green]Done[/] in {time.monotonic() - began:.0f} s. {SUMMARY}", soft_wrap=True)
    return 0


def _check(calls: list[Call], expected: list[Call]) -> None:
    if calls != expected:
        raise DemoError(f"The cloud executed these enlarge calls: {calls}. Declared was: {expected}.")


def _keep(console: Console, stage: Stage) -> None:
    console.print(f"\nEverything stays up (KEEP). In another terminal:\n  export KUBECONFIG={stage.kubeconfig}")
    console.print("  kubectl get ddm orders --watch\n  kubectl scale ddm/orders --replicas=8", highlight=False)
    console.print(f"Logs: {stage.folder}. End it with Ctrl-C.")
    signal.pause()


SUMMARY = """\
Two declared changes, two enlarge calls, one of them through a kill -9: none lost, none doubled.
Next: KEEP=1 make demo leaves it up for your own kubectl; make test runs the proofs; README.md: how to install it."""

if __name__ == "__main__":
    sys.exit(main())
