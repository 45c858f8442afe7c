"""Keeps the cloud in a file, so that it can be killed and comes back as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ddm_simulator.settings import Settings
from ddm_simulator.world import World

VERSION: Final = 1
"""Of the file's shape."""


class StateError(Exception):
    """The file cannot be used."""


class State:
    """One file: a row for each record, and the numbers that are drawn from.

    Raises:
        StateError: it cannot be opened, or is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = sqlite3.connect(path, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS records "
                "(kind TEXT, id TEXT, body BLOB, place INTEGER, PRIMARY KEY (kind, id))"
            )
        except sqlite3.Error as error:
            raise StateError(f"{path} is no state file of the simulator: {error}") from None

    def restore(self, world: World) -> bool:
        """Take the cloud from the file; False when the file is new.

        Raises:
            StateError: it is damaged, or of another version.
        """
        try:
            head = self._read("head", "version")
            if head is None:
                return False
            if head != str(VERSION).encode():
                raise StateError(f"{self._path} was written by another version of the simulator; use a new file.")
            world.settings = Settings.model_validate_json(self._read("head", "settings") or b"{}")
            world.ids.drawn = int(self._read("head", "drawn") or b"0")
            for table in world.tables:
                rows = self._file.execute("SELECT id, body FROM records WHERE kind = ? ORDER BY place", (table.name,))
                for key, body in rows:
                    table.restore(key, body)
        except (sqlite3.Error, ValidationError, ValueError) as error:
            raise StateError(f"{self._path} is damaged: {type(error).__name__}. Use a new file.") from None
        world.schedule.reload()
        return True

    def save(self, world: World) -> None:
        """Write what changed since the last time, all of it or nothing."""
        dirty = [(table, key) for table in world.tables for key in table.changed]
        self._file.execute("BEGIN IMMEDIATE")
        for name, value in (("version", VERSION), ("drawn", world.ids.drawn)):
            self._write("head", name, str(value).encode())
        self._write("head", "settings", world.settings.model_dump_json().encode())
        for table, key in dirty:
            body = table.stored(key)
            if body is None:
                self._file.execute("DELETE FROM records WHERE kind = ? AND id = ?", (table.name, key))
            else:
                self._write(table.name, key, body)
        self._file.execute("COMMIT")
        for table in world.tables:
            table.changed.clear()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, kind: str, key: str) -> bytes | None:
        row = self._file.execute("SELECT body FROM records WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return None if row is None else bytes(row[0])

    def _write(self, kind: str, key: str, body: bytes) -> None:
        self._file.execute(
            "INSERT INTO records VALUES (?1, ?2, ?3, (SELECT coalesce(max(place), 0) + 1 FROM records)) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = ?3",
            (kind, key, body),
        )
