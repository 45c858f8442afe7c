"""What the watch shows, and what it makes the queue do."""

from __future__ import annotations

from typing import Any

import pytest

from ddm_operator.handlers import OnEvent, build_settings, feed
from ddm_operator.kube.resource import API_VERSION, KIND
from ddm_operator.kube.store import Store

Json = dict[str, Any]


class Queue:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def add(self, key: str) -> None:
        self.asked.append(key)

    def busy(self, key: str) -> bool:
        del key
        return False

    def forget(self, key: str) -> None:
        self.asked.append(f"forget {key}")


def body(name: str, version: int, **spec: object) -> Json:
    metadata: Json = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {**metadata, "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1},
        "spec": {"instanceId": "28e8841d0b9c4f6a9a30742ee60e1068in09", **spec},
    }


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def on_event(queue: Queue) -> OnEvent:
    return feed(
        Store(monotonic=float), queue, lambda _: None, monotonic=float
    )  # it is always zero; time does not matter here


def test_a_list_that_shows_nothing_new_asks_for_no_pass(on_event: OnEvent, queue: Queue) -> None:
    """Every list after a watch that broke off shows all objects: no storm when the API server is back."""
    for _ in range(3):
        for number in range(100):
            on_event(None, body(f"o{number}", number + 1))
    assert len(queue.asked) == 100


def test_a_list_after_a_gap_asks_for_what_has_changed(on_event: OnEvent, queue: Queue) -> None:
    for number in range(10):
        on_event("ADDED", body(f"o{number}", number + 1, nodes=2))
    queue.asked.clear()
    on_event(None, body("o3", 50, nodes=4))
    on_event(None, body("o4", 5, nodes=2))
    assert queue.asked == ["shop/o3"]


def test_a_watch_that_says_nothing_is_given_up_after_a_bookmark_is_due() -> None:
    settings = build_settings()
    assert 60 < settings.watching.inactivity_timeout <= 120
    assert settings.networking.connect_timeout == 10
