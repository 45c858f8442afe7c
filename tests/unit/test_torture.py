"""Whatever happens, in whatever order: one enlarge for each declared change, and the truth about it.

The whole of it is ``make torture``; here is a part of it with fixed seeds, and what the proof itself must be good for.
"""

from __future__ import annotations

import pytest

from ddm_operator.domain.model import Phase
from ddm_simulator.faults import ADAPTER
from tests.torture import coverage
from tests.torture.__main__ import killed, main
from tests.torture.mutants import MUTANTS, broken_by, call_before_intent
from tests.torture.run import Result, chunk
from tests.torture.shorten import shorten, tell
from tests.torture.weather import CALL_FAULTS, JOB_FAULTS, LAGS, READ_FAULTS

STORIES = 20


@pytest.mark.parametrize("seed", range(15))
def test_no_story_breaks_a_promise(seed: int) -> None:
    result = chunk(seed, STORIES)
    assert not result.broken, tell(shorten(result.kept[0][1]))
    assert result.stories >= STORIES
    assert result.deeds >= 40 * result.stories
    assert result.counts["calls executed"] > 0


@pytest.mark.parametrize("mutant", ["call_before_intent", "post_retried", "unconfirmed_taken_as_refused"])
def test_a_broken_operator_is_found_out(mutant: str) -> None:
    assert chunk(1, 30, mutant).broken > 0


def test_a_story_that_broke_is_told_again_and_made_short() -> None:
    told, deeds = chunk(1, 10, "call_before_intent").kept[0]
    with broken_by(call_before_intent):
        assert tell(deeds) == told
        short = shorten(deeds)
        assert len(short) < 8
        assert "has no intent that was stored before it" in tell(short)
    assert tell(short) == ""


def test_a_mutant_that_merely_raises_was_not_found_out() -> None:
    raised = "{'message': 'Task exception was never retrieved', 'exception': NameError()}"
    assert not killed(Result(stories=100, broken=1, kept=[(raised, [])]))
    assert killed(Result(stories=100, broken=2, kept=[(raised, []), ("1.00 s: call 2 was received", [])]))
    assert not killed(Result(stories=100))


def test_every_mutant_has_a_name_and_a_sentence() -> None:
    assert len({mutant.__name__ for mutant in MUTANTS}) == len(MUTANTS) >= 12
    assert all(mutant.__doc__ for mutant in MUTANTS)


def test_every_fault_of_the_simulated_cloud_is_in_the_weather() -> None:
    known = {fault["kind"] for fault in (*CALL_FAULTS, *JOB_FAULTS, *READ_FAULTS, *LAGS)}
    assert known == {schema["properties"]["kind"]["const"] for schema in ADAPTER.json_schema()["$defs"].values()}


def test_the_tables_know_every_phase() -> None:
    assert set(coverage.PHASES) == {*Phase, "none"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--stories", "0"], "0 is no number of stories"),
        (["--stories", "-3"], "-3 is no number of stories"),
        (["mutants", "--only", "no_such"], "no mutant is called no_such; there are: no_compare_and_swap,"),
        (["replay", "--story", "build/no-such-story.json"], "There is no story build/no-such-story.json"),
    ],
)
def test_what_proves_nothing_is_refused(
    asked: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["make torture", *asked])
    monkeypatch.setattr("logging.disable", lambda _: None)
    try:
        code: object = main()
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert said in capsys.readouterr().err
