"""The temporary folders of control planes: who owns them, and when they are removed."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from devcluster.home import Home, create_home, remove_abandoned_homes


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of this test alone, with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_new_folder_is_private_and_alive(temporary: Path) -> None:
    home, lock = create_home()
    assert home.path.parent == temporary.resolve()
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert home.is_alive()
    os.close(lock)
    assert not home.is_alive()


def test_only_the_folder_whose_owner_is_gone_is_removed(temporary: Path) -> None:
    alive, lock = create_home()
    abandoned, given_back = create_home()
    os.close(given_back)
    stranger = temporary / "somebody-elses"
    stranger.mkdir()

    assert remove_abandoned_homes() == [abandoned.path]
    assert alive.path.is_dir()
    assert stranger.is_dir()
    assert not abandoned.path.exists()
    os.close(lock)


def test_a_folder_without_a_lock_is_left_alone_until_it_is_old(temporary: Path) -> None:
    home, lock = create_home()
    os.close(lock)
    home.lock.unlink()
    now = time.time()
    assert remove_abandoned_homes(now) == []
    assert remove_abandoned_homes(now + 7200.0) == [home.path]
    assert list(temporary.iterdir()) == []


def test_a_folder_that_is_not_there_is_not_alive(tmp_path: Path) -> None:
    assert not Home(tmp_path / "nowhere").is_alive()


def test_too_long_a_path_is_refused_with_a_way_out(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = temporary / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(DevclusterError, match="TMPDIR=/tmp"):
        create_home()
    assert list(long.iterdir()) == []
