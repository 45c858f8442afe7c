"""One request to the API server: at most one sending, a time-out, and three ways to fail that must not be confused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from ddm_operator.kube.connect import ConnectError, one_line
from ddm_operator.once import send_once

if TYPE_CHECKING:
    from ddm_operator.kube.restraint import Restraint

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"

Query = tuple[tuple[str, str], ...]


class ApiServerError(Exception):
    """A request to the API server that did not succeed."""


class NotSentError(ApiServerError):
    """Certainly never reached the API server: no connection, no credential."""


class NoAnswerError(ApiServerError):
    """Sent, and nobody knows what became of it: time-out, reset, unreadable answer."""


class AnsweredError(ApiServerError):
    """The API server, or something before it, answered with a refusal.

    Args:
        status: HTTP status code.
        answer: the ``Status`` object of the body, empty when there was none.
        retry_after: seconds of ``Retry-After``, when given.
    """

    def __init__(self, status: int, answer: Mapping[str, Any], retry_after: float | None) -> None:
        super().__init__(f"HTTP {status}: {answer.get('message') or 'no message'}")
        self.status = status
        self.details: Mapping[str, Any] = answer.get("details") or {}
        self.message: str = answer.get("message") or f"HTTP {status}"
        self.retry_after = retry_after


@dataclass(frozen=True)
class ApiServer:
    """A connection pool to one API server.

    Args:
        client: configured client; its retries stay off, because a repeated write is not the same as one write.
        timeout: seconds for a whole request, a third of it for having a connection.
        restraint: what requests wait for; None: they do not.
        patient: whether they wait for it; if not, they only tell it what became of them.
    """

    client: ApiClient
    timeout: float = 5.0
    restraint: Restraint | None = None
    patient: bool = True

    @classmethod
    def over(cls, configuration: Configuration, *, timeout: float = 5.0, connections: int = 32) -> ApiServer:
        """Open nothing yet; connections are made when they are needed.

        Args:
            configuration: where and as whom.
            timeout: seconds for a whole request.
            connections: at a time; further requests wait for one.

        Raises:
            ConnectError: a certificate or a key that it names cannot be used.
        """
        configuration.retries = None
        configuration.connection_pool_maxsize = connections
        configuration.client_session_kwargs = {"trust_env": False, "middlewares": (send_once,)}
        try:
            client = ApiClient(configuration)
        except (OSError, ValueError) as error:
            raise ConnectError(_unusable(configuration, error)) from None
        client.user_agent = "ddm-operator"
        return cls(client, timeout)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Query = (),
        accept: str = JSON,
        content_type: str = JSON,
        timeout: float | None = None,  # noqa: ASYNC109 - it splits into two of the transport's own
    ) -> dict[str, Any]:
        """Send one request; the JSON object of a successful answer.

        Raises:
            NotSentError: it certainly did not leave.
            NoAnswerError: it left, or may have; no answer was understood.
            AnsweredError: it was refused.
        """
        headers = {"Accept": accept, "Content-Type": content_type}

        async def send() -> dict[str, Any]:
            return await self._send(method, path, body, query, headers, timeout or self.timeout)

        if self.restraint is None:
            return await send()
        return await (self.restraint.through(send) if self.patient else self.restraint.beside(send))

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Query,
        headers: dict[str, str],
        seconds: float,
    ) -> dict[str, Any]:
        limits = aiohttp.ClientTimeout(total=seconds, connect=seconds / 3)
        try:
            _, url, headers, payload, _ = await self.client.param_serialize(
                method, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
        except (ConfigException, OSError) as error:
            raise NotSentError(f"no credential for the API server: {error}") from error
        if not all(map(one_line, headers.values())):
            raise NotSentError("no credential for the API server: its token has more than one line")
        try:
            answer = await self.client.call_api(method, url, headers, payload, _request_timeout=limits)
            response: aiohttp.ClientResponse = answer.response
            text = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSentError(f"no connection to the API server: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(f"no answer from the API server: {type(error).__name__} {error}") from error
        return _judge(response.status, response.headers, text)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()  # type: ignore[no-untyped-call]  # the client leaves it unannotated


def _unusable(configuration: Configuration, error: Exception) -> str:
    named = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    files = ", ".join(str(path) for path in named if path) or "the system's"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    text = f"The certificates for {configuration.host} cannot be used ({files}): {reason}. Correct "
    return text + "certificate-authority, client-certificate and client-key (or their -data) in the kubeconfig."


def _judge(status: int, headers: Mapping[str, str], text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if status >= HTTPStatus.BAD_REQUEST:
        pause = headers.get("Retry-After", "")
        refusal = answer if isinstance(answer, dict) else {}
        raise AnsweredError(status, refusal, float(pause) if pause.isdecimal() else None)
    if not isinstance(answer, dict):
        raise NoAnswerError(f"the answer of the API server is no JSON object (HTTP {status})")
    return answer
