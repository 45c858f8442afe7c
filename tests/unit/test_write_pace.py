"""How long one object's status rests between two writes: as long as the settings say."""

from __future__ import annotations

import pytest

from ddm_operator.engine.write_pace import DEFAULT, WritePace, WriteRate
from ddm_operator.settings import StatusWrites


def test_without_settings_it_is_what_the_settings_have_by_default() -> None:
    settings = StatusWrites()
    assert WriteRate(settings.writes_per_second, settings.seconds_apart) == DEFAULT


@pytest.mark.parametrize("apart", [0.05, 1.0, 30.0])
def test_an_object_rests_after_a_write_and_others_do_not(apart: float) -> None:
    now = 100.0
    pace = WritePace(WriteRate(100.0, apart), lambda: now)
    assert pace.rest("a") == 0
    pace.written("a")
    assert pace.rest("a") == pytest.approx(apart)
    assert pace.rest("b") == 0
    now += apart * 0.75
    assert pace.rest("a") == pytest.approx(apart * 0.25)
    now += apart * 0.5
    assert pace.rest("a") == 0
