"""The curves of docs/scale.md and the README's numbers say what was measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from bench import report
from bench.picture import Panel, draw, ticks
from bench.rows.growth import Point
from bench.scale import PICTURE, million, parsed, slope, table, write
from bench.subjects import KNOWN, WATCHING
from ddm_operator.cloud.paging import LIMIT, MOST_PAGES
from ddm_operator.engine.demand import LOOK, ON_A_PAGE
from ddm_operator.kube.objects import PAGE
from ddm_operator.settings import Cadence, Cloud
from tests.support.repository import ROOT
from tools import numbers

SVG = "{http://www.w3.org/2000/svg}"
FEW = Point(1_000, 80.0, 70.0, 1.5, 3.0, 0.25, 1.6, 300.0)
MANY = Point(11_000, 160.0, 70.0, 11.5, 23.0, 1.25, 17.2, 300.0)
ROW = "| 1,000 | 80 | 1.50 | 3 | 0.25 | 1.60 |"
CIRCUMSTANCES = report.circumstances("v1.36.2", 0.25, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


def test_the_table_has_a_row_for_each_number_of_objects_and_units_above() -> None:
    heads, rule, *rows = table([FEW, MANY]).splitlines()
    assert heads.count("|") == rule.count("|") == rows[0].count("|")
    assert "resident memory (MiB)" in heads
    assert "cloud requests at rest (per minute)" in heads
    assert rows == [ROW, "| 11,000 | 160 | 11.5 | 23 | 1.25 | 17.2 |"]


def test_what_a_further_object_costs_is_the_slope_and_needs_two_numbers() -> None:
    said = slope([FEW, MANY])
    assert "With no object it has 70 MiB." in said
    assert "each further one adds 8.19 KiB" in said
    assert "each further thousand 1 s of CPU" in said
    assert slope([FEW]) == ""


def test_a_million_is_so_many_times_the_largest_number_that_was_measured() -> None:
    said = million([FEW, MANY])
    assert "91 shards of 11,000" in said
    assert "20.4 GiB of resident memory" in said
    assert "1.14 cores at rest" in said
    assert "1,565 cloud requests per minute" in said


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0.0, [0, 1]), (0.13, [0, 0.05, 0.1, 0.15]), (50_000, [0, 10_000, 20_000, 30_000, 40_000, 50_000])],
)
def test_an_axis_begins_at_nothing_and_ends_above_the_largest(most: float, expected: list[float]) -> None:
    assert ticks(most) == pytest.approx(expected)


def test_a_curve_has_its_points_where_its_axes_say() -> None:
    panel = Panel("memory & more", "MiB", [(0, 0), (50, 10), (100, 40)])
    picture = ET.fromstring(draw([panel, panel, panel], "objects"))
    groups = picture.findall(f"{SVG}g")
    assert len(groups) == 3
    texts = [text.text for text in groups[0].findall(f"{SVG}text")]
    assert texts[0] == "memory & more (MiB)"
    assert texts[-1] == "objects"
    assert {"0", "40", "100"} <= set(texts)
    places = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in groups[0].findall(f"{SVG}circle")]
    [left, middle, right] = places
    assert middle[0] - left[0] == pytest.approx(right[0] - middle[0], abs=0.2), "half of the objects, half of the way"
    assert left[1] - middle[1] == pytest.approx((left[1] - right[1]) / 4, abs=0.2), "up is more"
    drawn = groups[0].find(f"{SVG}polyline")
    assert drawn is not None
    assert drawn.attrib["points"] == " ".join(f"{x},{y}" for x, y in places)


def test_the_picture_is_readable_on_a_dark_page_too() -> None:
    style = ET.fromstring(draw([Panel("a", "b", [(1, 1)])], "objects")).findtext(f"{SVG}style") or ""
    light, _, dark = style.partition("prefers-color-scheme:dark")
    for shown in ("text", r"\.t", r"\.p"):
        rule = rf"{shown}\{{[^}}]*fill:(#\w+)"
        [here], [there] = re.findall(rule, light), re.findall(rule, dark)
        assert here != there


def test_everything_of_a_run_stands_between_the_markers(tmp_path: Path) -> None:
    page, picture = tmp_path / "scale.md", tmp_path / "images" / "scale.svg"
    picture.parent.mkdir()
    page.write_text(f"# Head\n\n{report.BEGIN}\nold\n{report.END}\n\nFoot\n")
    write([FEW, MANY], CIRCUMSTANCES, page, picture)
    text = page.read_text()
    assert text.startswith("# Head\n")
    assert text.endswith("\nFoot\n")
    assert "old" not in text
    assert "](images/scale.svg)" in text
    assert ROW in text
    assert "Measured 2026-01-02 03:04 UTC on " in text
    assert ET.fromstring(picture.read_text()).tag == f"{SVG}svg"
    write([FEW], CIRCUMSTANCES, page, picture)
    assert page.read_text().count(ROW) == 1


def test_the_page_has_the_place_for_it() -> None:
    text = (ROOT / "docs" / "scale.md").read_text()
    assert text.count(f"\n{report.BEGIN}\n") == text.count(f"\n{report.END}\n") == 1
    assert (ROOT / PICTURE).exists() == (f"]({PICTURE.relative_to('docs')})" in text)


def test_the_page_s_bounds_are_the_operator_s() -> None:
    text = " ".join((ROOT / "docs" / "scale.md").read_text().split())
    cloud, cadence = Cloud(), Cadence()
    rate = cloud.requests_per_second
    assert f"pages of {LIMIT}, once in {cadence.resync_seconds:g} s" in text
    assert f"fewer than one of {LIMIT * LOOK} instances has an object, {LOOK} for each object" in text
    assert ON_A_PAGE == LIMIT
    assert f"pages of {LIMIT}, once in {cadence.poll_seconds:g} s" in text
    assert f"The limit of requests is {rate:g} a second" in text
    assert f"the {MOST_PAGES:,} pages, or {MOST_PAGES * LIMIT:,} instances" in text
    assert f"that is {rate * cadence.resync_seconds:,.0f} pages" in text
    assert f"whose lists come in pages of {PAGE}" in text
    assert f"{-(-1_000_000 // LIMIT):,} pages in {cadence.resync_seconds:g} s" in text
    assert f"after {10_000 * 2 / rate / 60:.0f} minutes" in text


def test_sizes_grow() -> None:
    assert parsed("5000,1000,5000") == [1_000, 5_000]
    for wrong in ("", "0", "-1", "many", "1,,2"):
        with pytest.raises(click.BadParameter):
            parsed(wrong)


def test_the_operator_says_what_the_bench_waits_for() -> None:
    said = "".join(path.read_text() for path in (ROOT / "operator" / "ddm_operator").glob("*.py"))
    assert f'"{KNOWN}"' in said
    assert f'"{WATCHING}"' in said


def test_the_readme_s_numbers_are_those_of_the_page(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    assert numbers.render() in text, "make docs"
    changed = tmp_path / "benchmarks.md"
    page = tmp_path / "README.md"
    page.write_text(text)
    source = numbers.SOURCE.read_text()
    row = re.compile(r"(### One change\n.*?received, median \| )[^|]+", re.DOTALL)
    assert row.search(source)
    changed.write_text(row.sub(r"\g<1>12.5 ms (1 to 99) ", source))
    numbers.write(changed, page)
    assert "- **12.5 ms** from the change to the call" in page.read_text()


def test_a_number_that_is_gone_is_named(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(numbers.SOURCE.read_text().replace("| resident memory |", "| memory |"))
    with pytest.raises(ValueError, match="no row 'resident memory' under '10,000 objects at rest'"):
        numbers.render(page)


def test_the_readme_s_section_is_short() -> None:
    [section] = re.findall(
        r"^## What it costs\n(.*?)(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len([line for line in section.splitlines() if line]) <= 10
    assert section.count("- **") == 5
