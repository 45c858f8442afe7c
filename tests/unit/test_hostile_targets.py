"""No object, and no namespace's Secret, can send a request to another host or path.

Each hostile value is tried as every one of the ids, against the very parts that make addresses: what is sent, if
anything, goes to the configured host and to a path of the shape that the API has.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from typing_extensions import override

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.clouds import CloudClients
from ddm_operator.cloud.endpoints import endpoints
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError
from ddm_operator.kube.resource import InvalidSpecError, read_resource
from ddm_operator.ports import EnlargeRequest
from ddm_operator.settings import Settings
from tests.support.clouds import SomeSecrets

ID = "28e8841d0b9c4f6a9a30742ee60e1068in09"
PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
JOB = "31b8ae23-c687-4d80-b7b4-42a66c9bb886"
REGION = "cn-north-4"

HOSTILE = [
    "..",
    ".",
    "../..",
    "../../v3/auth/tokens",
    "a/../../b",
    "a/b",
    "/etc/passwd",
    "//evil.example.com",
    "\\\\evil.example.com",
    "a\\b",
    "%2e%2e",
    "%2e%2e%2f",
    "%2F",
    "..%00",
    "a%0d%0aHost: evil.example.com",
    "a\r\nX-Auth-Token: stolen",
    "a\nb",
    "a\n",
    "\ta",
    " a",
    "a ",
    "a b",
    "a?limit=0",
    "a#fragment",
    "a;b=c",
    "a:80",
    "a@evil.example.com",
    "user:pass@evil.example.com",
    "evil.example.com",
    "evil.example.com/",
    "evil.example.com#",
    "cn-north-4.evil.example.com#",
    "http://evil.example.com",
    "169.254.169.254",
    "[::1]",
    "{region}",
    "{0}",
    "$(id)",
    "`id`",
    "a\x00",
    "a\x7f",
    "é",
    "ａ",  # noqa: RUF001  # a full-width letter, which some software folds to an ordinary one
    "a\u2024b",
    "a\u2044b",
    "a\u3002com",
    "٣",
    "-",
    "-a",
    "_a",
    "'; DROP TABLE nodes; --",
    "a" * 65,
    "a" * 100_000,
    "",
]
REGIONS = [*HOSTILE, "CN-NORTH-4", "a--b", "a-", "a_b", "a" * 64, "xn--"]
IN_SECRET = [value for value in HOSTILE if value.strip() not in ("", "a")]
"""Blanks around a value of a Secret are nobody's intention, and are taken off."""

PATHS = re.compile(
    rf"/v[123]/{PROJECT}/(instances(/{ID}(/(groups|databases|action/enlarge))?)?|jobs(/{JOB})?|flavors)"
    rf"|/v3/projects"
)


class Recorder(httpx.AsyncBaseTransport):
    """Takes down what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(500, stream=httpx.ByteStream(b"{}"), request=request)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def clouds(recorder: Recorder, project_id: str = PROJECT) -> CloudClients:
    secrets = SomeSecrets()
    values = {
        "HUAWEICLOUD_SDK_AK": "AK",
        "HUAWEICLOUD_SDK_SK": "a-secret-key",
        "HUAWEICLOUD_SDK_PROJECT_ID": project_id,
    }
    secrets.put("shop", values)
    return CloudClients(Settings(), recorder, SystemClock(), lambda *_: None, secrets, lambda: 0.5)


async def ask_everything(
    recorder: Recorder,
    *,
    region: str = REGION,
    project: str | None = None,
    own: str = PROJECT,
    instance: str = ID,
    job: str = JOB,
) -> list[OperatorError]:
    """Every question there is, and the call; what was raised."""
    raised: list[OperatorError] = []
    now = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        cloud = await clouds(recorder, own).cloud_for("shop", region, project)
    except OperatorError as error:
        return [error]
    questions: list[Any] = [
        cloud.prepare,
        cloud.list_instances,
        lambda: cloud.get_instance(instance),
        lambda: cloud.list_groups(instance),
        lambda: cloud.list_schemas(instance),
        lambda: cloud.list_jobs(now, now),
        lambda: cloud.get_job(job),
        lambda: cloud.enlarge(EnlargeRequest(instance, "group", "flavor", 1), may_leave=lambda: True),
    ]
    for question in questions:
        try:
            await question()
        except OperatorError as error:
            raised.append(error)
    return raised


def assert_harmless(recorder: Recorder) -> None:
    for request in recorder.sent:
        assert request.url.host in {f"ddm.{REGION}.myhuaweicloud.com", f"iam.{REGION}.myhuaweicloud.com"}
        assert request.url.scheme == "https"
        assert PATHS.fullmatch(request.url.raw_path.decode().partition("?")[0]), request.url


async def test_the_harmless_ones_are_sent(recorder: Recorder) -> None:
    """Or the tests below would prove nothing."""
    await ask_everything(recorder)
    paths = {request.url.path for request in recorder.sent}
    assert f"/v2/{PROJECT}/instances/{ID}/action/enlarge" in paths
    assert {f"/v1/{PROJECT}/instances/{ID}", f"/v3/{PROJECT}/jobs/{JOB}"} <= paths
    assert_harmless(recorder)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:30])
async def test_an_instance_s_id(recorder: Recorder, value: str) -> None:
    raised = await ask_everything(recorder, instance=value)
    assert_harmless(recorder)
    assert all(value not in request.url.raw_path.decode() for request in recorder.sent if len(value) > 1)
    assert [error.reason for error in raised].count(reasons.INVALID_SPEC) == 4


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:30])
async def test_a_job_s_id_which_comes_from_the_cloud(recorder: Recorder, value: str) -> None:
    """It is never asked for, and that is no error: the job is looked for among the nodes."""
    raised = await ask_everything(recorder, job=value)
    assert_harmless(recorder)
    assert reasons.INVALID_SPEC not in {error.reason for error in raised}


@pytest.mark.parametrize("value", [value for value in HOSTILE if value], ids=lambda value: repr(value)[:30])
async def test_a_project_s_id_in_an_object(recorder: Recorder, value: str) -> None:
    raised = await ask_everything(recorder, project=value)
    assert recorder.sent == []
    assert {error.reason for error in raised} == {reasons.INVALID_SPEC}


@pytest.mark.parametrize("value", IN_SECRET, ids=lambda value: repr(value)[:30])
async def test_a_project_s_id_in_a_secret(recorder: Recorder, value: str) -> None:
    raised = await ask_everything(recorder, own=value)
    assert recorder.sent == []
    assert [error.reason for error in raised] == [reasons.CREDENTIALS_MISSING]


@pytest.mark.parametrize("value", [value for value in REGIONS if value], ids=lambda value: repr(value)[:30])
async def test_a_region(recorder: Recorder, value: str) -> None:
    raised = await ask_everything(recorder, region=value)
    assert recorder.sent == []
    assert [error.reason for error in raised] == [reasons.INVALID_SPEC]
    with pytest.raises(StalledError):
        endpoints(value, "https://ddm.{region}.example.com", "https://iam.{region}.example.com")


def test_a_region_becomes_one_label_of_the_host_and_nothing_else() -> None:
    assert endpoints("localhost").ddm == "https://ddm.localhost.myhuaweicloud.com"
    for address in vars(endpoints(REGION)).values():
        assert httpx.URL(address).host.endswith(f".{REGION}.myhuaweicloud.com")


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("field", ["instanceId", "groupId", "flavorId", "region", "projectId"])
def test_an_object_that_an_older_crd_let_through_is_not_acted_on(field: str, value: str) -> None:
    body = {
        "metadata": {
            "name": "orders",
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"instanceId": ID, field: value},
    }
    with pytest.raises(InvalidSpecError, match=f"{field} must be"):
        read_resource(body)
