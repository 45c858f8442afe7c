"""The command lines of etcd and kube-apiserver, in one process or in two."""

import json
from dataclasses import dataclass
from pathlib import Path

from devcluster.home import Home

_AUDIT_LOG_MAX_MEGABYTES = 8192
"""Far above what a session writes: a rotated log would hide its beginning from whoever counts requests."""

_UNUSED_URL = "http://localhost:1"
"""etcd insists on advertising host and port, though nobody dials the only member there is."""


@dataclass(frozen=True)
class OneProgram:
    """Our own program, which runs etcd and kube-apiserver in one process."""

    program: Path


@dataclass(frozen=True)
class Assets:
    """The two programs of the ecosystem's convention."""

    etcd: Path
    kube_apiserver: Path


Binaries = OneProgram | Assets


def command_lines(binaries: Binaries, home: Home, port: int, *, audit: bool) -> list[list[str]]:
    """What to run, in the order of starting; `port` is the API server's, the only port there is."""
    server = _server_flags(home, port, audit=audit)
    if isinstance(binaries, OneProgram):
        return [[str(binaries.program), f"--etcd-dir={home.etcd}", *server]]
    socket = home.etcd / "etcd.sock"
    return [
        [str(binaries.etcd), *_etcd_flags(home, socket)],
        [str(binaries.kube_apiserver), f"--etcd-servers=unix://{socket}", *server],
    ]


def _etcd_flags(home: Home, socket: Path) -> list[str]:
    return [
        f"--data-dir={home.etcd / 'data'}",
        f"--listen-client-urls=unix://{socket}",
        f"--advertise-client-urls={_UNUSED_URL}",
        f"--listen-peer-urls=unix://{home.etcd / 'peer.sock'}",
        f"--initial-advertise-peer-urls={_UNUSED_URL}",
        f"--initial-cluster=default={_UNUSED_URL}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _server_flags(home: Home, port: int, *, audit: bool) -> list[str]:
    flags = [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # The port is already reserved by whoever starts the control plane: see process.py.
        "--permit-port-sharing",
        # It would complain every ten seconds that 127.0.0.1 is no address for an endpoint.
        "--endpoint-reconciler-type=none",
        f"--cert-dir={home.certificates}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={home.service_account_key}",
        f"--service-account-signing-key-file={home.service_account_key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        f"--token-auth-file={home.tokens}",
        # Nobody makes the `default` service accounts that it waits for.
        "--disable-admission-plugins=ServiceAccount",
    ]
    if audit:
        flags += [
            f"--audit-policy-file={home.audit_policy}",
            f"--audit-log-path={home.audit_log}",
            f"--audit-log-maxsize={_AUDIT_LOG_MAX_MEGABYTES}",
        ]
    return flags


def audit_policy() -> str:
    """Who did what to which object and with what answer; for our own resource also the body that was sent.

    A request is told when it was answered (`ResponseComplete`), a watch also when it began (`ResponseStarted`).
    """
    return json.dumps(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {"level": "None", "users": ["system:apiserver"]},
                {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
                {"level": "Request", "resources": [{"group": "ddm.huaweicloud.com"}]},
                {"level": "Metadata"},
            ],
        },
    )
