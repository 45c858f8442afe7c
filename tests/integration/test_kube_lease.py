"""The lease on the real API server: contenders, a frozen holder, lost answers, release."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typing_extensions import override

from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.lease import LeaseElection, Timing
from tests.support.kubeapi import Api, Json
from tests.support.proxy import Proxy
from tests.support.waiting import until

QUICK = Timing(duration=15, renew_deadline=10, retry=0.05, request=0.5)

CHILD = """
import asyncio, sys, time
from datetime import UTC, datetime
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.lease import LeaseElection, Timing

async def main(kubeconfig, namespace):
    server = ApiServer.over(await load_configuration({"KUBECONFIG": kubeconfig}))
    lost = asyncio.Event()
    lease = LeaseElection(server, namespace=namespace, name="leader", identity="child", now=lambda: datetime.now(UTC),
        monotonic=lambda: time.clock_gettime(time.CLOCK_BOOTTIME), on_lost=lost.set, timing=Timing(3, 2, 0.2, 1))
    await lease.acquire()
    print("leading", flush=True)
    await lost.wait()
    print("held" if lease.held() else "lost", flush=True)
    await server.close()

asyncio.run(main(*sys.argv[1:]))
"""


class Clock:
    """Monotonic seconds that pass only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class RealClock(Clock):
    @override
    def __call__(self) -> float:
        return time.monotonic()


class Contender:
    """One replica with its own clock and its own way to the API server."""

    def __init__(self, server: ApiServer, namespace: str, identity: str, timing: Timing, clock: Clock) -> None:
        self.clock = clock
        self.server = server
        self.lost = asyncio.Event()
        self.before_write: Callable[[], object] = lambda: None
        self.lease = LeaseElection(
            server,
            namespace=namespace,
            name="leader",
            identity=identity,
            now=self.now,
            monotonic=self.clock,
            on_lost=self.lost.set,
            timing=timing,
        )

    def now(self) -> datetime:
        """Is asked for with each write."""
        self.before_write()
        return datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


Contenders = Callable[..., Awaitable[Contender]]


@pytest.fixture
async def proxy(kubeconfig: Path) -> AsyncIterator[Proxy]:
    address = urlsplit((await load_configuration({"KUBECONFIG": str(kubeconfig)})).host)
    async with Proxy(str(address.hostname), int(address.port or 443)) as proxy:
        yield proxy


@pytest.fixture
async def contender(kubeconfig: Path, namespace: str) -> AsyncIterator[Contenders]:
    made: list[Contender] = []

    async def make(
        identity: str, proxy: Proxy | None = None, timing: Timing = QUICK, clock: Clock | None = None
    ) -> Contender:
        configuration = await load_configuration({"KUBECONFIG": str(kubeconfig)})
        if proxy is not None:
            configuration.host = f"https://127.0.0.1:{proxy.port}"
            configuration.refresh_api_key_hook = None
        made.append(Contender(ApiServer.over(configuration, timeout=2), namespace, identity, timing, clock or Clock()))
        return made[-1]

    yield make
    for each in made:
        await each.lease.release()
        await each.server.close()


async def stored(api: Api, namespace: str) -> Json:
    spec: Json = (
        await asyncio.to_thread(api.get, f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/leader")
    )["spec"]
    return spec


async def test_one_of_two_leads_and_hands_over_on_release(api: Api, contender: Contenders, namespace: str) -> None:
    first, second = await contender("one"), await contender("two")
    await first.lease.acquire()
    waiting = asyncio.create_task(second.lease.acquire())
    await asyncio.sleep(0.3)
    assert (first.lease.held(), second.lease.held(), waiting.done()) == (True, False, False)
    assert (await stored(api, namespace))["holderIdentity"] == "one"
    await first.lease.release()
    await asyncio.wait_for(waiting, 10)
    assert (first.lease.held(), second.lease.held()) == (False, True)
    spec = await stored(api, namespace)
    assert (spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]) == ("two", 1, 15)
    assert not first.lost.is_set()


async def test_a_release_is_seen_long_before_the_next_renewal(contender: Contenders) -> None:
    slow = Timing(duration=6000, renew_deadline=4000, retry=800, request=1, look=0.05)
    first, second = await contender("one", timing=slow), await contender("two", timing=slow)
    await first.lease.acquire()
    waiting = asyncio.create_task(second.lease.acquire())
    await until(lambda: second.lease.leader == "one")
    await first.lease.release()
    await asyncio.wait_for(waiting, 20)
    assert second.lease.held()


async def test_a_release_that_nobody_waits_for_empties_the_holder(
    api: Api, contender: Contenders, namespace: str
) -> None:
    only = await contender("one")
    await only.lease.acquire()
    await only.lease.release()
    assert (await stored(api, namespace)).get("holderIdentity", "") == ""


async def test_of_many_that_start_at_once_one_leads(contender: Contenders) -> None:
    many = [await contender(f"c{n}") for n in range(5)]
    tasks = [asyncio.create_task(each.lease.acquire()) for each in many]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.5)
    assert sum(each.lease.held() for each in many) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_is_renewed_as_time_passes(contender: Contenders) -> None:
    holder = await contender("one")
    await holder.lease.acquire()
    for _ in range(5):
        holder.clock.seconds += 9
        before = holder.clock.seconds - 9
        await until(lambda before=before: holder.lease.renewed > before)  # type: ignore[misc]  # mypy cannot infer such a lambda
        assert holder.lease.held()


async def test_a_holder_that_slept_past_its_deadline_has_lost_at_once(contender: Contenders) -> None:
    holder = await contender("one")
    await holder.lease.acquire()
    holder.clock.seconds += 10
    assert not holder.lease.held()
    await asyncio.wait_for(holder.lost.wait(), 10)
    assert not holder.lease.held()


async def test_a_cut_off_holder_loses_before_another_may_take_over(contender: Contenders, proxy: Proxy) -> None:
    holder, other = await contender("one", proxy), await contender("two")
    await holder.lease.acquire()
    proxy.requests = proxy.answers = False
    waiting = asyncio.create_task(other.lease.acquire())
    await until(lambda: other.lease.leader == "one")
    for each in (holder, other):
        each.clock.seconds += 9.9
    assert holder.lease.held()
    for each in (holder, other):
        each.clock.seconds += 0.2
    assert not holder.lease.held()
    await asyncio.wait_for(holder.lost.wait(), 10)
    assert not waiting.done()
    other.clock.seconds += 5
    await asyncio.wait_for(waiting, 10)
    assert other.lease.held()


async def test_lost_answers_do_not_cost_the_lease(
    api: Api, contender: Contenders, proxy: Proxy, namespace: str
) -> None:
    holder = await contender("one", proxy)
    await holder.lease.acquire()
    proxy.answers = False
    before = holder.lease.renewed
    holder.clock.seconds += 1
    await asyncio.sleep(1.2)
    assert holder.lease.renewed == before
    proxy.cut()
    proxy.answers = True
    await until(lambda: holder.lease.renewed > before)
    assert holder.lease.held()
    assert (await stored(api, namespace))["leaseTransitions"] == 0


async def test_the_time_that_counts_is_that_of_sending(contender: Contenders, proxy: Proxy) -> None:
    holder = await contender("one", proxy, Timing(15, 10, 0.05, 5))
    await holder.lease.acquire()
    proxy.requests = False
    await asyncio.sleep(0.3)
    sent = holder.clock.seconds
    holder.clock.seconds += 3
    await asyncio.sleep(0.2)
    assert holder.lease.renewed <= sent


async def test_a_lease_that_somebody_took_is_lost(api: Api, contender: Contenders, namespace: str) -> None:
    holder = await contender("one")
    await holder.lease.acquire()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/leader"
    await asyncio.to_thread(api.patch, path, {"spec": {"holderIdentity": "thief"}})
    await asyncio.wait_for(holder.lost.wait(), 10)
    assert not holder.lease.held()
    await holder.lease.release()
    assert (await stored(api, namespace))["holderIdentity"] == "thief"


async def test_a_renewing_that_ends_unexpectedly_is_a_loss(contender: Contenders) -> None:
    holder = await contender("one")
    await holder.lease.acquire()

    def defect() -> None:
        raise ZeroDivisionError

    holder.before_write = defect
    await asyncio.wait_for(holder.lost.wait(), 10)
    assert not holder.lease.held()


async def test_a_release_is_no_loss(contender: Contenders) -> None:
    holder = await contender("one")
    await holder.lease.acquire()
    await holder.lease.release()
    assert not holder.lost.is_set()


@pytest.mark.parametrize("there", [True, False])
async def test_who_was_not_the_quickest_stands_by_without_a_word(
    api: Api,
    contender: Contenders,
    namespace: str,
    there: bool,  # noqa: FBT001  # a parameter
    caplog: pytest.LogCaptureFixture,
) -> None:
    quick, slow = await contender("quick"), await contender("slow")
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease: Json = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 15}}
    taken: Json = {**lease, "spec": {**lease["spec"], "holderIdentity": "quick"}}
    if there:
        await asyncio.to_thread(api.post, leases, lease)
    slow.before_write = lambda: api.patch(f"{leases}/leader", taken) if there else api.post(leases, taken)
    waiting = asyncio.create_task(slow.lease.acquire())
    await until(lambda: slow.lease.leader == "quick")
    assert slow.lease.trouble is None
    assert not waiting.done()
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    slow.before_write = lambda: None
    await quick.lease.acquire()
    await quick.lease.release()
    await asyncio.wait_for(waiting, 10)


async def test_a_lease_that_somebody_deleted_is_made_again(api: Api, contender: Contenders, namespace: str) -> None:
    holder = await contender("one")
    await holder.lease.acquire()
    await asyncio.to_thread(api.delete, f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/leader")
    before = holder.lease.renewed
    holder.clock.seconds += 1
    await until(lambda: holder.lease.renewed > before)
    assert (await stored(api, namespace))["holderIdentity"] == "one"


async def test_a_frozen_process_finds_its_lease_lost(kubeconfig: Path, contender: Contenders, namespace: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        str(kubeconfig),
        namespace,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    try:
        assert await asyncio.wait_for(child.stdout.readline(), 30) == b"leading\n"
        child.send_signal(signal.SIGSTOP)
        other = await contender("two", None, Timing(3, 2, 0.2, 1), RealClock())
        await asyncio.wait_for(other.lease.acquire(), 20)
        child.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(child.stdout.readline(), 10) == b"lost\n"
        assert other.lease.held()
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.parametrize(
    "times",
    [(10, 10, 2, 4), (15, 2, 2, 1), (15, 10, 2, 10), (15, 10, 0, 4)],
)
def test_times_that_cannot_work_are_refused(times: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="lease times"):
        Timing(*times)
