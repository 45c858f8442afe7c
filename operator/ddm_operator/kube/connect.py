"""Where the API server is and who the operator is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_CERT_FILENAME, SERVICE_TOKEN_FILENAME, InClusterConfigLoader

from ddm_operator.errors import CannotStartError

DEFAULT_KUBECONFIG = "~/.kube/config"
SERVICE_ACCOUNT_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

RENEW_EVERY = 60.0
"""Seconds between two looks at whether a kubeconfig's token is still good; service accounts are looked at as often."""


class Loader(Protocol):
    """What remains of a loaded kubeconfig."""

    async def load_and_set(self, configuration: Configuration) -> None:
        """Load the credential into the configuration, from its plugin or file when it has expired."""


class ConnectError(CannotStartError):
    """No usable way to an API server; the text tells a person what to do."""


@dataclass(frozen=True)
class Credentials:
    """What a second client needs to reach the same API server as the same user.

    Args:
        server: base URL.
        ca_file: CA certificates (PEM); None: those of the system.
        certificate_file, key_file: client certificate, when the user has one.
        authorization: value of the ``Authorization`` header, empty without a token.
        verify: whether the server's certificate is checked.
        proxy: URL of the proxy that the kubeconfig names.
    """

    server: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    authorization: str = field(repr=False)
    verify: bool
    proxy: str | None


async def load_configuration(
    environ: Mapping[str, str] = os.environ,
    *,
    token_file: str = SERVICE_TOKEN_FILENAME,
    ca_file: str = SERVICE_CERT_FILENAME,
) -> Configuration:
    """Find the cluster: ``KUBECONFIG`` when set, else the service account of the pod, else ``~/.kube/config``.

    Raises:
        ConnectError: there is none of them, or it cannot be used.
    """
    configuration = Configuration()
    source = _kubeconfig(environ, token_file)
    if source is None:
        _load_service_account(configuration, environ, token_file, ca_file)
        _check_token(configuration, "The pod's service account")
        return configuration
    try:
        loader = await load_kube_config(source, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]  # unannotated there
    except (ConfigException, OSError) as error:
        raise ConnectError(f"The kubeconfig {source} cannot be used: {error}") from error
    except (ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError):
        # The loader trusts the shape of the file; these texts may quote its secrets.
        raise ConnectError(f"The kubeconfig {source} cannot be used: it is no valid kubeconfig.") from None
    _check_token(configuration, f"The kubeconfig {source}")
    configuration.refresh_api_key_hook = _Renewal(loader).renew  # type: ignore[assignment]  # declared as None there
    return configuration


def one_line(value: str) -> bool:
    """Whether it can be the value of a header."""
    return not set(value) & {"\r", "\n", "\0"}


def _check_token(configuration: Configuration, source: str) -> None:
    if not one_line(configuration.api_key.get("BearerToken") or ""):
        raise ConnectError(f"{source} cannot be used: its token has more than one line. Correct it.")


class _Renewal:
    """Renews tokens that a kubeconfig has from a file or a plugin; the loader knows when one has expired."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._renewed = asyncio.get_running_loop().time()

    async def renew(self, configuration: Configuration) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._renewed >= RENEW_EVERY:
            self._renewed = now
            await self._loader.load_and_set(configuration)


async def credentials(configuration: Configuration) -> Credentials:
    """The loaded configuration as plain values; a token is read anew when its file is."""
    settings = await configuration.auth_settings()
    bearer = settings.get("BearerToken")
    return Credentials(
        server=configuration.host,
        ca_file=configuration.ssl_ca_cert,
        certificate_file=configuration.cert_file,
        key_file=configuration.key_file,
        authorization=(bearer["value"] or "") if bearer else "",
        verify=configuration.verify_ssl,
        proxy=configuration.proxy,
    )


def own_namespace() -> str:
    """The pod's namespace, from the service account that is mounted into it."""
    try:
        return Path(SERVICE_ACCOUNT_NAMESPACE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return os.environ.get("POD_NAMESPACE", "default")


def _kubeconfig(environ: Mapping[str, str], token_file: str) -> str | None:
    """The paths as ``KUBECONFIG`` spells them, at least one of which exists; None in a pod that names none."""
    named = environ.get("KUBECONFIG", "")
    if not named and Path(token_file).exists():
        return None
    paths = [Path(path).expanduser() for path in (named or DEFAULT_KUBECONFIG).split(os.pathsep) if path]
    if not any(path.is_file() for path in paths):
        found = f"KUBECONFIG names {named}, which does not exist." if named else "No Kubernetes cluster is configured."
        raise ConnectError(
            f"{found} Set KUBECONFIG to a kubeconfig file, put one at {DEFAULT_KUBECONFIG}, or run in a pod."
        )
    return os.pathsep.join(map(str, paths))


def _load_service_account(
    configuration: Configuration, environ: Mapping[str, str], token_file: str, ca_file: str
) -> None:
    try:
        loader: Any = InClusterConfigLoader(token_file, ca_file, environ=environ)  # type: ignore[no-untyped-call]  # unannotated there
        loader.load_and_set(configuration)
    except (ConfigException, OSError) as error:
        raise ConnectError(f"The pod's service account cannot be used: {error}") from error
