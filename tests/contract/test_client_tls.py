"""The client against a real TLS server: whom it talks to, how, and where it never goes."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.clouds import open_clouds
from ddm_operator.cloud.connections import tls_context
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError
from ddm_operator.ports import EnlargeRequest, Refused, Unknown
from ddm_operator.settings import Cloud as CloudSettings
from ddm_operator.settings import Settings
from tests.support.clouds import SomeSecrets, endpoints_at

PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
ENLARGE = EnlargeRequest("28e8841d0b9c4f6a9a30742ee60e1068in09", "group", "flavor", 1)
EMPTY = b'{"instances": [], "instance_num": 0}'


class Pki:
    """Authorities and certificates of a test run, made by the command openssl."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.fail("The command openssl makes the certificates of these tests: apt install openssl")
        self.folder = folder
        for authority in ("ours", "theirs"):
            self._openssl("req", "-x509", *self._new(authority), "-subj", f"/CN={authority}", "-days", "2")
        self.good = self._leaf("good", "ours", "IP:127.0.0.1")
        self.stranger = self._leaf("stranger", "theirs", "IP:127.0.0.1")
        self.misnamed = self._leaf("misnamed", "ours", "DNS:ddm.example.com")
        self.expired = self._leaf("expired", "ours", "IP:127.0.0.1", "-days", "-1")
        self.authority = folder / "ours.pem"

    def _leaf(self, name: str, authority: str, alternative: str, *more: str) -> Path:
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        request = self.folder / f"{name}.csr"
        self._openssl("req", *self._new(name, str(request)), "-subj", f"/CN={name}")
        issuer = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial")
        certificate = self.folder / f"{name}.pem"
        days = more or ("-days", "2")
        self._openssl(
            "x509", "-req", "-in", str(request), *issuer, "-out", str(certificate), *days, "-extfile", str(extensions)
        )
        return certificate

    def _new(self, name: str, out: str = "") -> tuple[str, ...]:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
        return (*key, "-out", out or f"{name}.pem")

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


class Server:
    """Answers every request with the same bytes, and counts them and the connections."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b""
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line[:15] == b"content-length:"
                    ),
                    0,
                )
                await reader.readexactly(length)
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


def answer(status: str, body: bytes = EMPTY, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers with a certificate and with the versions of TLS that they speak."""
    started: list[asyncio.Server] = []

    async def start(certificate: Path, most: ssl.TLSVersion | None = None) -> Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        if most is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = most
        server = Server()
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
        server.port = listening.sockets[0].getsockname()[1]
        server.answer = answer("200 OK")
        started.append(listening)
        return server

    yield start
    for listening in started:
        listening.close()


@pytest.fixture
async def reach(pki: Pki) -> AsyncIterator[Callable[[Server], Awaitable[DdmCloud]]]:
    """The operator's client for a server, trusting our authority."""
    async with AsyncExitStack() as stack:

        async def make(server: Server) -> DdmCloud:
            secrets = SomeSecrets()
            secrets.put("shop", {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "a-secret-key-value"})
            cloud = {"region": "cn-north-4", "ca_file": str(pki.authority), **endpoints_at(server.url)}
            settings = Settings(cloud=CloudSettings.model_validate(cloud))
            opened = open_clouds(settings, SystemClock(), lambda *_: None, secrets, lambda: 0.5)
            clouds = await stack.enter_async_context(opened)
            return await clouds.cloud_for("shop", None, PROJECT)

        yield make


Reach = Callable[[Server], Awaitable[DdmCloud]]


@pytest.mark.parametrize("most", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_authority_that_is_trusted(serve: Serve, reach: Reach, pki: Pki, most: ssl.TLSVersion | None) -> None:
    cloud = await reach(await serve(pki.good, most))
    assert await cloud.list_instances() == ()


@pytest.mark.parametrize("which", ["stranger", "misnamed", "expired"])
async def test_a_certificate_that_proves_nothing(serve: Serve, reach: Reach, pki: Pki, which: str) -> None:
    """Another authority, another name, a time that is over: nothing is sent, above all no call and no credential."""
    server = await serve(getattr(pki, which))
    cloud = await reach(server)
    with pytest.raises(TransientError, match="certificate") as caught:
        await cloud.list_instances()
    assert caught.value.reason == reasons.CLOUD_UNREACHABLE
    outcome = await cloud.enlarge(ENLARGE, may_leave=lambda: True)
    assert isinstance(outcome, Refused)
    assert not outcome.sent
    assert server.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_version_of_tls_is_not_spoken(serve: Serve, reach: Reach, pki: Pki, most: ssl.TLSVersion) -> None:
    server = await serve(pki.good, most)
    with pytest.raises(TransientError):
        await (await reach(server)).list_instances()
    assert server.requests == []
    willing = ssl.create_default_context(cafile=str(pki.authority))
    willing.set_ciphers("ALL:@SECLEVEL=0")
    willing.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    async with httpx.AsyncClient(verify=willing, trust_env=False) as client:
        assert (await client.get(server.url)).status_code == 200, "whoever speaks it is served: the version decides"


def test_what_the_system_allows_does_not_matter() -> None:
    context = tls_context(CloudSettings())
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_an_answer_and_no_way(serve: Serve, reach: Reach, pki: Pki, status: str) -> None:
    """To another host, and to another path of the same one."""
    server, elsewhere = await serve(pki.good), await serve(pki.good)
    for target in (f"{elsewhere.url}/v1/{PROJECT}/instances", "/v3/auth/tokens"):
        server.requests.clear()
        server.answer = answer(status, b"{}", f"Location: {target}")
        cloud = await reach(server)
        with pytest.raises(StalledError) as caught:
            await cloud.list_instances()
        assert caught.value.reason == reasons.REQUEST_REFUSED
        outcome = await cloud.enlarge(ENLARGE, may_leave=lambda: True)
        assert isinstance(outcome, Unknown), "who knows what a redirect means; certainly not that nothing was done"
        assert len(server.requests) == 2
    assert elsewhere.requests == []


async def test_a_packed_answer_is_not_asked_for(serve: Serve, reach: Reach, pki: Pki) -> None:
    server = await serve(pki.good)
    await (await reach(server)).list_instances()
    assert b"accept-encoding: identity" in server.requests[0].lower()
    server.answer = answer("200 OK", b"\x1f\x8b\x08", "Content-Encoding: gzip")
    with pytest.raises(OperatorError, match="compressed"):
        await (await reach(server)).list_instances()
