"""``make bench-scale``: what grows with the number of objects, as a table, as curves, and as JSON."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import report
from bench.ground import Ground
from bench.picture import Panel, draw
from bench.report import number
from bench.rows.growth import Point, measure
from tools.between import fill

PAGE = Path("docs/scale.md")
PICTURE = Path("docs/images/scale.svg")
SIZES = "1000,5000,10000,25000,50000"
REST_SECONDS = 300.0
KIB = 1024
THOUSAND, MILLION = 1_000, 1_000_000

CURVES: tuple[tuple[str, str, Callable[[Point], float]], ...] = (
    ("resident memory", "MiB", lambda point: point.resident),
    ("CPU of a start", "s", lambda point: point.start_cpu),
    ("start until every object is known", "s", lambda point: point.known),
    ("CPU at rest", "% of a core", lambda point: point.cpu_percent),
    ("cloud requests at rest", "per minute", lambda point: point.requests),
)
"""What is measured, its unit, and where it is."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--sizes", default=SIZES, show_default=True, help="Numbers of objects, separated by commas.")
@click.option("--rest", default=REST_SECONDS, show_default=True, help="Seconds to look at each number, at rest.")
@click.option("--publish/--no-publish", default=True, show_default=True, help=f"Write {PAGE} and {PICTURE}.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for all logs; one that goes away when absent.")
def main(sizes: str, rest: float, keep: Path | None, *, publish: bool) -> None:
    """Measure one operator with more and more objects at rest."""
    wanted = parsed(sizes)
    load, points = os.getloadavg()[0], list[Point]()
    with tempfile.TemporaryDirectory(prefix="ddm-bench-") as own, Ground(keep or Path(own), click.echo) as ground:
        server = ground.api.get("/version")["gitVersion"]
        for point in measure(ground, wanted, rest):
            points.append(point)
            click.echo(table(points[-1:]).splitlines()[-1])
    now = datetime.now(UTC)
    found = {"points": [asdict(point) for point in points]}
    click.echo(f"Kept in {report.keep(found, 'scale', server, load, now)}")
    if publish and rest < REST_SECONDS:
        click.echo(
            f"{PAGE} stays as it is: {rest:g} s of rest are too short, all is looked at once in {REST_SECONDS:g} s."
        )
    elif publish:
        write(points, report.circumstances(server, load, now))


def parsed(sizes: str) -> list[int]:
    """The numbers, growing, each once.

    Raises:
        click.BadParameter: one of them is no whole number above 0.
    """
    try:
        numbers = sorted({int(size) for size in sizes.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise click.BadParameter(f"{sizes!r}: whole numbers above 0, separated by commas", param_hint="--sizes")
    return numbers


def write(points: Sequence[Point], circumstances: str, page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Put table and picture in their places."""
    picture.write_text(curves(points), encoding="utf-8")
    link = picture.relative_to(page.parent)
    shown = f"![What grows with the number of objects]({link})"
    parts = [shown, table(points), slope(points), million(points), circumstances]
    fill(page, report.BEGIN, report.END, "\n\n".join(part for part in parts if part) + "\n")


def table(points: Sequence[Point]) -> str:
    """A row for each number of objects."""
    heads = ["objects", *(f"{title} ({unit})" for title, unit, _ in CURVES)]
    rows = [[number(point.objects), *(number(value(point)) for _, _, value in CURVES)] for point in points]
    lines = [heads, ["---:"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def curves(points: Sequence[Point]) -> str:
    """The same as a picture."""
    panels = [Panel(title, unit, [(point.objects, value(point)) for point in points]) for title, unit, value in CURVES]
    return draw(panels, "objects")


def slope(points: Sequence[Point]) -> str:
    """What each further object costs, between the smallest and the largest number; nothing with one number."""
    few, many = points[0], points[-1]
    more = many.objects - few.objects
    if not more:
        return ""
    memory = (many.resident - few.resident) * KIB / more
    cpu = (many.start_cpu - few.start_cpu) * THOUSAND / more
    return (
        f"With no object it has {number(many.empty)} MiB. From {number(few.objects)} to {number(many.objects)} objects "
        f"each further one adds {number(memory)} KiB, and each further thousand {number(cpu)} s of CPU to a start. "
        f"At rest it was looked at for {number(many.rest_seconds)} s; all objects are looked at every 300 s."
    )


def million(points: Sequence[Point]) -> str:
    """What that many objects take in shards of the largest number that was measured, each with a standby."""
    shard = points[-1]
    shards = math.ceil(MILLION / shard.objects)
    memory = shards * (shard.resident + shard.empty) / KIB
    cores = shards * shard.cpu_percent / 100
    return (
        f"By these numbers a million objects need {number(shards)} shards of {number(shard.objects)}: "
        f"{number(memory)} GiB of resident memory with a standby for each, {number(cores)} cores at rest, and "
        f"{number(shards * shard.requests)} cloud requests per minute when no two shards have a project in common."
    )


if __name__ == "__main__":
    main(prog_name="make bench-scale")
