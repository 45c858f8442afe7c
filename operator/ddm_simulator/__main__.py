"""The command line: ``ddm-simulator``."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import get_args

import click
from pydantic import ValidationError

from ddm_simulator import faults, seed
from ddm_simulator.clock import ManualClock, RealClock
from ddm_simulator.cloud import Cloud
from ddm_simulator.control import add_routes
from ddm_simulator.ids import Ids
from ddm_simulator.server import Server
from ddm_simulator.settings import Settings, Site
from ddm_simulator.state import State, StateError
from ddm_simulator.world import World

HINTS = """\
IAM and DDM answer at this address; clients reach it as both endpoints:
  DDM_CLOUD_DDM_ENDPOINT={url} DDM_CLOUD_IAM_ENDPOINT={url} DDM_CLOUD_REGION=cn-north-4
Credentials of the built-in seed, unless you gave one of your own (they open nothing else):
  HUAWEICLOUD_SDK_AK=EXAMPLEACCESSKEY0001 HUAWEICLOUD_SDK_SK=ExampleSecretKeyForDocumentationOnly0001
  HW_USER_NAME=ddm-user HW_USER_PASSWORD=Example-Password-1 HW_DOMAIN_NAME=ddm-account
An operator that is given them in its environment also needs DDM_CREDENTIALS_OWN_NAMESPACES='*'.
Steer it: curl {url}/_simulator/
"""

EPILOG = """\b
Examples:
  ddm-simulator                                   on port 8088, as slow as the cloud
  ddm-simulator --port 0 --speed 60               any free port; five minutes take five seconds
  ddm-simulator --state cloud.db                  comes back as it was
  ddm-simulator --fault '{"kind": "lost", "route": "enlarge", "count": 1}'
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8088, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True, max=1e6),
    help="How much faster than time the cloud's own work goes.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "manual"]),
    default="real",
    show_default=True,
    help="A manual clock stands still until it is advanced.",
)
@click.option(
    "--seed",
    "seed_file",
    type=click.Path(path_type=Path),
    help="YAML file with projects, users, flavors and instances.",
)
@click.option(
    "--state", "state_file", type=click.Path(path_type=Path), help="File that keeps the cloud; it wins over the seed."
)
@click.option(
    "--instances",
    default=0,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="So many more instances in the first project.",
)
@click.option(
    "--site",
    type=click.Choice(get_args(Site)),
    default="cn",
    show_default=True,
    help="Whose rules hold for yearly/monthly instances.",
)
@click.option(
    "--job-seconds",
    default=300.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long an operation takes, at speed 1.",
)
@click.option("--random-seed", default="", help="Makes ids, tokens and chances repeatable; drawn anew when absent.")
@click.option(
    "--fault", "fault_texts", multiple=True, metavar="JSON", help="A fault that is set from the start; may be repeated."
)
@click.version_option(package_name="ddm-operator", prog_name="ddm-simulator")
def main(  # noqa: PLR0913, PLR0917  # one for each option, as click has it
    host: str, port: int, speed: float, clock: str, seed_file: Path | None, state_file: Path | None, instances: int,
    site: Site, job_seconds: float, random_seed: str, fault_texts: tuple[str, ...],
) -> None:  # fmt: skip
    """A Huawei Cloud DDM and IAM service in one process, for tests, demonstrations and for trying things out."""
    settings = Settings(site=site, job_seconds=job_seconds)
    ticking = ManualClock(time.time(), speed) if clock == "manual" else RealClock(speed)
    world = World(ticking, Ids(random_seed or os.urandom(16).hex()), settings)
    try:
        state = State(state_file) if state_file else None
        if state is None or not state.restore(world):
            seed.plant(world, seed.load(seed_file) if seed_file else seed.default())
            seed.many(world, instances)
        for text in fault_texts:
            world.faults.add(faults.ADAPTER.validate_json(text), world.now())
    except (StateError, seed.SeedError) as error:
        raise click.UsageError(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise click.UsageError(f"--fault: {first['msg']}") from None
    raise SystemExit(asyncio.run(_serve(world, state, host, port)))


async def _serve(world: World, state: State | None, host: str, port: int) -> int:
    def changed() -> None:
        if state is not None and any(table.changed for table in world.tables):
            state.save(world)

    changed()
    server = Server(Cloud(world), add_routes, changed)
    try:
        await server.start(host, port)
    except OSError as error:
        click.echo(
            f"ddm-simulator cannot listen on {host} port {port}: {error.strerror}. "
            "Choose another with --port; 0 takes one that is free.",
            err=True,
        )
        return 1
    url = f"http://{host}:{server.port}"
    click.echo(f"Listening on {url}")
    click.echo(HINTS.format(url=url), err=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop()
    if state is not None:
        changed()
        state.close()
    return 0


if __name__ == "__main__":
    main(prog_name="ddm-simulator")
