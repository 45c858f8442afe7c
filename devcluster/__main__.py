"""The control plane from the command line: `python -m devcluster`."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from devcluster import detached
from devcluster.commands import OneProgram
from devcluster.errors import DevclusterError
from devcluster.find import find
from devcluster.foreign import ForeignCluster
from devcluster.home import Home
from devcluster.kubectl import kubectl
from devcluster.readiness import read_report

_NOT_RUNNING = 3
"""Exit code of `status` when none runs, as the Linux Standard Base has it for services."""


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
            signal.signal(number, _exit)
    if arguments[:1] == ["kubectl"]:
        # Its arguments are its own, --help too.
        return _run(lambda: _kubectl(arguments[1:]))
    options = _parser().parse_args(arguments)
    if options.command == "up":
        return _run(lambda: _up(audit=options.audit))
    return _run({"down": _down, "status": _status, "binary": _binary}[options.command])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devcluster", description="A Kubernetes API server of your own.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it unless it runs, and print its kubeconfig's path")
    up.add_argument("--audit", action="store_true", help="keep an audit log")
    commands.add_parser("down", help="end it and remove its data")
    commands.add_parser("status", help=f"tell whether it runs (exit code {_NOT_RUNNING} when not)")
    commands.add_parser("binary", help="find or build its programs, and print their paths")
    commands.add_parser("kubectl", help="run kubectl, against it unless KUBECONFIG is set", add_help=False)
    return parser


def _run(command: Callable[[], int]) -> int:
    try:
        return command()
    except DevclusterError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _up(*, audit: bool) -> int:
    home = detached.up(os.environ, _say, audit=audit)
    _say(
        f"""
  export KUBECONFIG={home.kubeconfig}
  kubectl get namespaces        without a kubectl: python -m devcluster kubectl get namespaces
  make cluster-down             ends it and removes its data

  log: {home.log}
"""
    )
    print(home.kubeconfig)
    return 0


def _down() -> int:
    _say("ended, its data are removed" if detached.down(os.environ) else "none was running")
    return 0


def _status() -> int:
    home = detached.running(os.environ)
    if home is None:
        _say("none runs")
        return _NOT_RUNNING
    print(json.dumps(_described(home), indent=2))
    return 0


def _described(home: Home) -> dict[str, object]:
    report = read_report(home)
    return {
        "kubeconfig": str(home.kubeconfig),
        "server": json.loads(home.kubeconfig.read_text())["clusters"][0]["cluster"]["server"],
        "log": str(home.log),
        "auditLog": str(home.audit_log) if home.audit_log.exists() else None,
        "pids": report.pids if report else {},
        "ended": report.ended if report else None,
    }


def _binary() -> int:
    found = find(os.environ, _say)
    if isinstance(found, ForeignCluster):
        raise DevclusterError(f"{found.server} is a cluster of your own: there is no program to find.")
    paths = [found.program] if isinstance(found, OneProgram) else [found.etcd, found.kube_apiserver]
    print(*paths, sep="\n")
    return 0


def _kubectl(arguments: Sequence[str]) -> NoReturn:
    program = kubectl(os.environ, _say)
    env = dict(os.environ)
    home = detached.running(os.environ)
    if home and not env.get("KUBECONFIG"):
        env["KUBECONFIG"] = str(home.kubeconfig)
    os.execve(program, [program.name, *arguments], env)  # noqa: S606 -- a program of ours, without a shell


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    """End as if by an exception, so that a build is ended and cleaned up after."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
