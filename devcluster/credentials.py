"""Keys and tokens of one control plane, and the kubeconfig that uses them.

Everything is made anew for every start, and nothing here needs a program like openssl.
"""

import base64
import json
import os
import secrets
from pathlib import Path

ADMIN = "devcluster-admin"
"""User name of the administrator, a member of `system:masters`, as the audit log shows it."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve P-256 (SEC 2, section 2.4.2): a private key is a number from 1 to one below it."""

_P256_SCALAR_BYTES = 32
_EC_KEY_HEADER = bytes.fromhex("30310201010420")
"""DER of an ECPrivateKey (RFC 5915) up to the scalar: a sequence of 49 bytes, version 1, 32 bytes to come."""

_EC_KEY_CURVE = bytes.fromhex("a00a06082a8648ce3d030107")
"""DER of its curve, prime256v1. The public key is optional in this form, and derived by whoever reads it."""


def new_token() -> str:
    """A fresh bearer token for the administrator."""
    return secrets.token_urlsafe(32)


def new_service_account_key() -> str:
    """A fresh P-256 private key in PEM, for kube-apiserver to sign and verify service account tokens with."""
    scalar = (secrets.randbelow(_P256_ORDER - 1) + 1).to_bytes(_P256_SCALAR_BYTES, "big")
    body = base64.encodebytes(_EC_KEY_HEADER + scalar + _EC_KEY_CURVE).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"


def token_table(token: str) -> str:
    """kube-apiserver's `--token-auth-file`: token, user, uid and groups."""
    return f'{token},{ADMIN},{ADMIN},"system:masters"\n'


def kubeconfig(server: str, ca: bytes, token: str) -> str:
    """A kubeconfig for the administrator, in JSON, which is YAML too."""
    name = "devcluster"
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca).decode()}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            "current-context": name,
        },
        indent=2,
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)
