"""How fast and how large the simulated cloud is with 10,000 instances: the time of a list page, and resident memory."""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

SEED_PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
PAGE = 128


def main() -> None:
    """Start one, read every page some times, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    began = time.monotonic()
    command = [sys.executable, "-m", "ddm_simulator", "--port", "0", "--instances", str(options.instances)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None, "the simulator did not start"
            started = time.monotonic() - began
            times = measure(found[0], options.instances, options.rounds)
            status = Path(f"/proc/{server.pid}/status").read_text()
            resident = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]  # Linux has it
        finally:
            server.terminate()
    print(f"instances          {options.instances}")
    print(f"start              {started:.1f} s")
    print(f"page of {PAGE}, median {statistics.median(times) * 1000:.1f} ms, slowest {max(times) * 1000:.1f} ms")
    print(f"resident memory    {resident:.0f} MiB")


def measure(url: str, instances: int, rounds: int) -> list[float]:
    """Seconds of each page, over several rounds through the whole list."""
    times = []
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        user = {"name": "ddm-user", "password": "Example-Password-1", "domain": {"name": "ddm-account"}}
        scope = {"project": {"id": SEED_PROJECT}}
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = http.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        for _ in range(rounds):
            for offset in range(0, instances, PAGE):
                began = time.perf_counter()
                page = http.get(f"/v1/{SEED_PROJECT}/instances", params={"offset": offset, "limit": PAGE})
                times.append(time.perf_counter() - began)
                assert page.status_code == httpx.codes.OK, page.text
                assert page.json()["instances"]
    return times


if __name__ == "__main__":
    main()
