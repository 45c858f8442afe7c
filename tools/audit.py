"""Asks the database of known vulnerabilities about all that the image is made from; says so when it cannot be asked.

Being offline is no failure. A vulnerability is, and so is a `pip-audit` that fails for any other reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tools.drift import ROOT

LOCKS = ("requirements.lock", "requirements-build.lock")

SECONDS = 90
"""All of it; a database that does not answer in this time is not reachable."""

ANSWER_SECONDS = 10

UNREACHABLE = ("requests.exceptions.", "pip_audit._service.interface.ConnectionError")
"""How the last line of ``pip-audit`` begins when the network or the database is at fault."""

ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that do not concern this project: id and reason."""


def main() -> None:
    """Ends with 1 when something is known of a package."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--timeout", str(ANSWER_SECONDS)]
    options = [
        "--progress-spinner",
        "off",
        "--format",
        "json",
        *(part for one in ACCEPTED for part in ("--ignore-vuln", one)),
    ]
    locks = [part for lock in LOCKS for part in ("--requirement", lock)]
    try:
        asked = subprocess.run(
            [*command, *options, *locks], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        skipped(f"the database did not answer in {SECONDS} s")
        return
    judge(asked.returncode, asked.stdout, asked.stderr)


def judge(code: int, output: str, errors: str) -> None:
    """Say what the answer means, and end with 1 when it is a bad one."""
    if not output.strip():
        last = (errors.strip().splitlines() or [""])[-1]
        if not last.startswith(UNREACHABLE):
            sys.exit(f"pip-audit failed with {code}:\n{errors}")
        skipped(f"the database cannot be reached: {last[:200]}")
        return
    packages = dependencies(output)
    if packages is None:
        sys.exit(f"pip-audit ended with {code} and an answer that cannot be read:\n{output[:2000]}\n{errors}")
    found = [line for package in packages for line in lines(package)]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if found:
        sys.exit("Known vulnerabilities:\n" + "\n".join(found))
    if len(unknown) == len(packages):
        skipped("the database that answers here knows none of the packages")
        return
    print(f"Audit: nothing is known of {len(packages) - len(unknown)} packages.")
    if unknown:
        skipped(f"the database does not know {', '.join(unknown)}", what="part of the audit")


def dependencies(output: str) -> list[Any] | None:
    """The packages of the answer; None when it is of another form than pip-audit's."""
    try:
        answer = json.loads(output)
    except ValueError:
        return None
    found = answer.get("dependencies") if isinstance(answer, dict) else None
    return found if isinstance(found, list) else None


def lines(package: Mapping[str, Any]) -> Iterable[str]:
    """One for each vulnerability of a package."""
    for one in package.get("vulns", ()):
        mended = ", ".join(one["fix_versions"]) or "none yet"
        yield f"  {package['name']} {package['version']}: {one['id']} (mended in: {mended})"


def skipped(why: str, what: str = "the audit of the dependencies") -> None:
    """Say it so that it is seen."""
    print(f"*** SKIPPED: {what}: {why}. Run `make check-audit` where it can be asked. ***")


if __name__ == "__main__":
    main()
