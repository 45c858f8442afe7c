"""A real API server that is too busy: it asks for quiet, or does not answer. Few requests meanwhile, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apiproxy import ApiProxy, Request
from tests.support.stage import Stage

NUMBER = 12
WORKERS = 16
"""As the operator has by default: what they have under way when it begins is turned away as well."""


@pytest.fixture
def proxy(stage: Stage) -> Iterator[ApiProxy]:
    with ApiProxy(stage.connection.server, Path(stage.connection.ca_file)) as proxy:
        yield proxy


def _but_for_the_lease(request: Request) -> bool:
    """Kubernetes serves Leases by a priority level of their own; the watch is one request that goes on."""
    return not request.watches and "/leases" not in request.path


@pytest.mark.parametrize(("retry_after", "seconds"), [(2, 6.0), (None, 12.0)], ids=["429", "silence"])
def test_what_was_declared_meanwhile_is_done_once_after_it(
    stage: Stage, proxy: ApiProxy, retry_after: int | None, seconds: float
) -> None:
    group = {"flavor": "ddm.c6.xlarge.2", "nodes": 2}
    made = [stage.cloud.add_instance(project=stage.project.project_id, groups=[group])["id"] for _ in range(NUMBER)]
    objects = {f"orders-{number}": instance for number, instance in enumerate(made)}
    for name, instance in objects.items():
        stage.declare(2, name, instanceId=instance)
    operator = stage.start(KUBECONFIG=str(stage.write_kubeconfig(proxy.url)))
    for name in objects:
        stage.until_ready(2, name)
    with proxy.trouble(_but_for_the_lease, retry_after) as trouble:
        for name in objects:
            stage.scale(3, name)
        operator.until(lambda: trouble.lasted() >= seconds, "ask again and again", 60)
        assert len(trouble.hit) <= WORKERS + 8, Counter((hit.method, hit.path) for _, hit in trouble.hit)
        assert not any(stage.cloud.executed(instance) for instance in made), "no intent is stored, so nothing is called"
    for name, instance in objects.items():
        stage.until_ready(3, name, timeout=90)
        assert [call["body"]["node_number"] for call in stage.cloud.executed(instance)] == [1]
    assert "The API server has too much to do" in operator.text
    assert "The API server answers again" in operator.text
