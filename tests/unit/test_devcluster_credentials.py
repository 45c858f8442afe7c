"""Keys, tokens and the kubeconfig."""

import base64
import json
from pathlib import Path

import yaml

from devcluster import credentials


def test_the_service_account_key_has_the_shape_of_rfc_5915() -> None:
    lines = credentials.new_service_account_key().splitlines()
    assert (lines[0], lines[-1]) == ("-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----")
    der = base64.b64decode("".join(lines[1:-1]))
    sequence, length = der[0], der[1]
    assert (sequence, length) == (0x30, len(der) - 2)
    assert der[2:7] == bytes.fromhex("0201010420")
    assert 0 < int.from_bytes(der[7:39], "big") < credentials._P256_ORDER  # noqa: SLF001 -- the curve's, of no use elsewhere
    assert der[39:] == bytes.fromhex("a00a06082a8648ce3d030107")


def test_every_start_has_its_own_secrets() -> None:
    assert credentials.new_token() != credentials.new_token()
    assert credentials.new_service_account_key() != credentials.new_service_account_key()


def test_the_administrator_may_do_everything() -> None:
    assert credentials.token_table("secret") == 'secret,devcluster-admin,devcluster-admin,"system:masters"\n'


def test_the_kubeconfig_is_yaml_and_complete() -> None:
    config = yaml.safe_load(credentials.kubeconfig("https://127.0.0.1:1", b"certificate", "secret"))
    assert config["current-context"] == config["contexts"][0]["name"]
    assert base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == b"certificate"
    assert config["users"][0]["user"] == {"token": "secret"}


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    credentials.write_private(path, json.dumps({}))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
