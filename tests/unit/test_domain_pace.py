"""How long until a running job is looked at again."""

from __future__ import annotations

import pytest

from ddm_operator.domain.pace import next_look

POLL = 15.0


def looks(length: float, lengths: tuple[float, ...], *, told: bool = True) -> list[float]:
    """When a job of that length is looked at, until it is seen to have ended; its progress is even, or not told."""
    at = [POLL]
    while at[-1] < length:
        percent = int(100 * at[-1] / length) if told else None
        at.append(at[-1] + next_look(at[-1], percent, lengths, POLL))
    return at


@pytest.mark.parametrize("length", [60.0, 300.0, 600.0, 1234.0, 1800.0, 7200.0])
@pytest.mark.parametrize("known", [False, True])
def test_an_end_is_noticed_in_five_seconds_with_no_more_looks_than_a_steady_pace(length: float, *, known: bool) -> None:
    lengths = (0.98 * length, length, 1.02 * length) if known else ()
    at = looks(length, lengths)
    assert at[-1] - length <= POLL / 4
    assert len(at) <= length / POLL + 1


def test_what_is_known_saves_two_thirds_of_the_looks() -> None:
    assert len(looks(600.0, (590.0, 600.0, 615.0))) <= 600 / POLL / 2


def test_a_job_that_takes_longer_than_any_before_and_tells_nothing_is_followed_at_the_steady_pace() -> None:
    at = looks(2000.0, (500.0,), told=False)
    assert at[-1] - at[-2] == POLL
    assert at[-1] - 2000.0 <= POLL


@pytest.mark.parametrize(("length", "lengths"), [(60.0, (600.0,)), (600.0, (60.0,)), (1800.0, (60.0, 600.0))])
def test_a_job_unlike_those_before_it_is_followed_by_its_own_progress(
    length: float, lengths: tuple[float, ...]
) -> None:
    at = looks(length, lengths)
    assert at[-1] - length <= POLL / 4
    assert len(at) <= length / POLL + 1


@pytest.mark.parametrize(
    ("age", "percent", "lengths", "wait"),
    [
        (15.0, None, (), 15.0),
        (15.0, 0, (), 15.0),
        (300.0, 50, (), 30.0),
        (5940.0, 99, (), 3.75),
        (595.0, 99, (), 3.75),
        (20.0, 50, (), 0.7 * 20.0 * 49 / 51),
        (0.0, 0, (600.0,), 60.0),
        (560.0, 90, (600.0,), 22.0),
        (590.0, 95, (600.0,), 3.75),
        (640.0, None, (600.0,), 15.0),
        (640.0, 95, (600.0,), 0.7 * 640.0 * 4 / 96),
        (15.0, 25, (600.0,), 0.7 * 15.0 * 74 / 26),
        (15.0, 2, (60.0, 600.0), 60.0),
        (300.0, 99, (600.0,), 60.0),
        (640.0, 95, (600.0, 900.0), 60.0),
        (-3600.0, 50, (600.0,), 60.0),
    ],
)
def test_the_next_look(age: float, percent: int | None, lengths: tuple[float, ...], wait: float) -> None:
    assert next_look(age, percent, lengths, POLL) == pytest.approx(wait)


def test_a_cloud_that_stays_at_one_percentage_is_still_looked_at() -> None:
    assert next_look(3000.0, 50, (), POLL) == 2 * POLL
