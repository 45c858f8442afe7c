"""Whose credential counts, and that no namespace reaches what belongs to another's."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from ddm_operator.cloud.whose import Choice
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from ddm_operator.settings import Credentials as CredentialSettings
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Observed, SomeSecrets, Tenants, key_of, user_of, write_credentials


async def rows(clouds: object, namespace: str, **where: object) -> list[str]:
    cloud = await clouds.cloud_for(namespace, None, None, **where)  # type: ignore[attr-defined]  # a CloudClients
    return [row.id for row in await cloud.list_instances()]


@pytest.mark.parametrize("kind", [key_of, user_of])
async def test_the_secret_of_the_namespace_counts(
    tenants: Tenants, secrets: SomeSecrets, simulator: Simulator, project: Credentials, tmp_path: Path, kind: object
) -> None:
    other = simulator.add_project()
    secrets.put("shop", kind(project))  # type: ignore[operator]  # one of the two above
    clouds = await tenants(("*",), folder=write_credentials(tmp_path / "own", other))
    assert await rows(clouds, "shop") == [project.instance_id]
    assert await rows(clouds, "bank") == [other.instance_id], "the operator's own"


async def test_the_operator_s_own_is_for_those_who_are_listed(
    tenants: Tenants, project: Credentials, tmp_path: Path
) -> None:
    seen: Observed = []
    clouds = await tenants(("shop",), folder=write_credentials(tmp_path / "own", project), seen=seen)
    assert await rows(clouds, "shop") == [project.instance_id]
    asked = len(seen)
    with pytest.raises(StalledError) as caught:
        await clouds.cloud_for("bank", None, None)
    assert caught.value.reason == reasons.CREDENTIALS_MISSING
    for part in ("bank", "ddm-credentials", "DDM_CREDENTIALS_OWN_NAMESPACES"):
        assert part in caught.value.message
    assert len(seen) == asked


async def test_by_default_nobody_may_use_it(tenants: Tenants, project: Credentials, tmp_path: Path) -> None:
    clouds = await tenants(folder=write_credentials(tmp_path / "own", project))
    with pytest.raises(StalledError, match="may not use the operator's own"):
        await clouds.cloud_for("shop", None, None)


async def test_no_secret_is_read_when_namespaces_may_have_none(
    secrets: SomeSecrets, project: Credentials, tmp_path: Path
) -> None:
    own = write_credentials(tmp_path / "own", project)
    settings = CredentialSettings(per_namespace=False, own_namespaces=("shop",), dir=own)
    secrets.failure = TransientError(reasons.RETRYING, "the Secret was asked for")
    choice = Choice(settings, secrets, time.monotonic)
    assert (await choice.of("shop", following=False)).name == ""
    with pytest.raises(StalledError, match="DDM_CREDENTIALS_PER_NAMESPACE forbids one of its own") as caught:
        await choice.of("bank", following=False)
    assert caught.value.reason == reasons.CREDENTIALS_MISSING


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "holds no credential"),
        ({"HUAWEICLOUD_SDK_AK": "AK"}, "HUAWEICLOUD_SDK_SK is missing"),
        ({"HUAWEICLOUD_SDK_IDP_ID": "x", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "/etc/passwd"}, "names a file"),
        ({"HC_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.169.254/"}, "names a file, or whom to trust"),
        ({"HUAWEICLOUD_OIDC_PROVIDER_URN": "u", "HUAWEICLOUD_OIDC_AGENCY_URN": "u"}, "the operator's own"),
    ],
)
async def test_a_secret_that_is_of_no_use_is_not_passed_over(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials, tmp_path: Path, values: dict[str, str], said: str
) -> None:
    """Not even where the operator's own credential might be used: whoever made the Secret did not mean that one."""
    secrets.put("shop", values)
    clouds = await tenants(("*",), folder=write_credentials(tmp_path / "own", project))
    with pytest.raises(StalledError, match=said) as caught:
        await clouds.cloud_for("shop", None, None)
    assert caught.value.reason == reasons.CREDENTIALS_MISSING
    assert "shop" in caught.value.message


async def test_a_secret_that_cannot_be_asked_for_is_not_passed_over(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials, tmp_path: Path
) -> None:
    clouds = await tenants(("*",), folder=write_credentials(tmp_path / "own", project))
    secrets.failure = TransientError(reasons.RETRYING, "no answer")
    with pytest.raises(TransientError):
        await clouds.cloud_for("shop", None, None, following=True)


async def test_an_open_operation_goes_on_with_what_the_secret_last_held(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    secrets.put("shop", key_of(project))
    clouds = await tenants()
    before = await clouds.cloud_for("shop", None, None, following=True)
    secrets.failure = StalledError(reasons.PERMISSION_DENIED, "may not")
    assert await clouds.cloud_for("shop", None, None, following=True) is before
    with pytest.raises(StalledError, match="may not"):
        await clouds.cloud_for("shop", None, None)


async def test_a_changed_secret_counts_at_once_and_the_old_one_no_more(
    tenants: Tenants, secrets: SomeSecrets, simulator: Simulator, project: Credentials
) -> None:
    other = simulator.add_project()
    clouds = await tenants()
    for owner in (project, other, project):
        secrets.put("shop", key_of(owner))
        assert await rows(clouds, "shop") == [owner.instance_id]
    del secrets.held["shop"]
    with pytest.raises(StalledError):
        await clouds.cloud_for("shop", None, None)


async def test_equal_secrets_of_two_namespaces_share_no_client(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    """The client is what shared lists and tokens hang on. What they share is the pace, which the cloud counts."""
    seen: Observed = []
    clouds = await tenants(seen=seen)
    for namespace in ("shop", "bank"):
        secrets.put(namespace, user_of(project))
    shop, bank = [await clouds.cloud_for(name, None, None) for name in ("shop", "bank")]
    assert shop is not bank
    assert await clouds.cloud_for("shop", None, None) is shop
    await shop.prepare()
    await bank.prepare()
    assert [route for route, _ in seen] == ["create_token"] * 2
    assert shop._session.http.limiter is bank._session.http.limiter  # noqa: SLF001  # nothing shows it from outside


async def test_a_project_named_by_a_namespace_that_has_no_part_in_it_is_refused(
    tenants: Tenants, secrets: SomeSecrets, simulator: Simulator, project: Credentials
) -> None:
    other = simulator.add_project()
    secrets.put("shop", key_of(project))
    secrets.put("bank", key_of(other))
    clouds = await tenants()
    assert await rows(clouds, "bank") == [other.instance_id]
    cloud = await clouds.cloud_for("shop", None, other.project_id)
    with pytest.raises(StalledError) as caught:
        await cloud.list_instances()
    assert caught.value.reason == reasons.PERMISSION_DENIED


async def test_a_wrong_key_is_tried_three_times_by_all_namespaces_regions_and_projects(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    """One request finds out; the others are told. Three tries fit into the window, and no fourth."""
    seen: Observed = []
    clouds = await tenants(seen=seen, refused=0.9)
    wrong = {**key_of(project), "HUAWEICLOUD_SDK_SK": "a-wrong-secret-value"}

    async def attempt(number: int) -> None:
        secrets.put(f"team-{number % 7}", wrong)
        cloud = await clouds.cloud_for(f"team-{number % 7}", "cn-north-4", f"{number % 5}" * 32)
        with pytest.raises(StalledError) as caught:
            await cloud.list_instances()
        assert caught.value.reason == reasons.CREDENTIALS_REJECTED

    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.85:
        await asyncio.gather(*(attempt(number) for number in range(20)))
        await asyncio.sleep(0.01)
    assert 1 <= len([outcome for _, outcome in seen if outcome == "401"]) <= 3
    assert {outcome for _, outcome in seen} == {"401"}


async def test_who_guesses_at_a_key_is_stopped_before_the_cloud_locks_it(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    """Every wrong secret is another credential; the cloud counts by the access key."""
    seen: Observed = []
    clouds = await tenants(seen=seen)
    secrets.put("shop", key_of(project))
    assert await rows(clouds, "shop") == [project.instance_id]
    for number in range(12):
        secrets.put("thief", {**key_of(project), "HUAWEICLOUD_SDK_SK": f"guess-number-{number}"})
        with pytest.raises(StalledError):
            await rows(clouds, "thief")
    assert len([outcome for _, outcome in seen if outcome == "401"]) == 4
    assert await rows(clouds, "shop") == [project.instance_id], "its right owner never notices"


async def test_who_is_refused_is_told_where_the_credential_comes_from_and_nobody_elses_place(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    clouds = await tenants()
    wrong = {**key_of(project), "HUAWEICLOUD_SDK_SK": "a-wrong-secret-value"}
    for name, other in (("shop", "stock"), ("stock", "shop")):
        secrets.put(name, wrong)
        with pytest.raises(StalledError) as caught:
            await rows(clouds, name)
        assert caught.value.reason == reasons.CREDENTIALS_REJECTED
        assert caught.value.message.endswith(f"It comes from the Secret ddm-credentials in namespace {name}.")
        assert other not in caught.value.message


async def test_a_corrected_secret_is_tried_at_once(
    tenants: Tenants, secrets: SomeSecrets, project: Credentials
) -> None:
    clouds = await tenants()
    secrets.put("shop", {**user_of(project), "HW_USER_PASSWORD": "a-wrong-password"})
    with pytest.raises(StalledError) as caught:
        await rows(clouds, "shop")
    assert caught.value.reason == reasons.CREDENTIALS_REJECTED
    secrets.put("shop", user_of(project))
    assert await rows(clouds, "shop") == [project.instance_id]
