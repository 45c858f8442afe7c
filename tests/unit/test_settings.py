"""What may be set, and what is said when it is set wrongly."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.addresses import ENDPOINT, endpoint
from ddm_operator.cloud.endpoints import endpoints
from ddm_operator.environment import InvalidSettingsError, read_settings, variables
from ddm_operator.errors import StalledError
from ddm_operator.settings import Settings
from tools import configuration


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("DDM_"):
            monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **environ: str) -> str:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingsError) as caught:
        read_settings()
    return str(caught.value)


def test_the_defaults_are_usable_and_immutable() -> None:
    settings = read_settings()
    assert settings.cadence.poll_seconds == 15
    assert settings.namespaces == ()
    with pytest.raises(ValueError, match="frozen"):
        settings.cadence.poll_seconds = 1  # type: ignore[misc]  # that this is refused is the point


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("DDM_NAMESPACES", "shop, orders,shop", "namespaces", ("shop", "orders")),
        ("DDM_WORKERS", "16", "workers", 16),
        ("DDM_CADENCE_POLL_SECONDS", "0.25", "cadence.poll_seconds", 0.25),
        ("DDM_LEASE_ENABLED", "false", "lease.enabled", False),
        ("DDM_LOG_LEVEL", "debug", "log.level", "DEBUG"),
        ("ddm_log_format", "json", "log.format", "json"),
        ("DDM_CREDENTIALS_OWN_NAMESPACES", "", "credentials.own_namespaces", ()),
        ("DDM_CREDENTIALS_OWN_NAMESPACES", "shop, bank", "credentials.own_namespaces", ("shop", "bank")),
        ("DDM_CREDENTIALS_OWN_NAMESPACES", "*", "credentials.own_namespaces", ("*",)),
        ("DDM_CLOUD_REGION", "cn-north-4", "cloud.region", "cn-north-4"),
        ("DDM_CLOUD_REGION", "", "cloud.region", None),
        ("DDM_CLOUD_DDM_ENDPOINT", "https://ddm.{region}.example.com", "cloud.ddm_endpoint", None),
        ("DDM_CLOUD_IAM_ENDPOINT", "http://[::1]:8080/", "cloud.iam_endpoint", None),
        ("DDM_PROBES_HOST", "localhost", "probes.host", None),
        ("DDM_PROBES_HOST", "::", "probes.host", None),
        ("DDM_PROBES_HOST", "127.0.0.1", "probes.host", None),
    ],
)
def test_a_variable_reaches_its_field(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, path: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)
    found: object = read_settings()
    for part in path.split("."):
        found = getattr(found, part)
    assert found == (value if expected is None and value else expected)


def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDM_LOG_LEVEL", "ERROR")
    monkeypatch.setenv("DDM_LOG_FORMAT", "json")
    settings = read_settings({"log": {"level": "DEBUG"}})
    assert (settings.log.level, settings.log.format) == ("DEBUG", "json")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("DDM_CADENCE_POLL_SECONDS", "soon", "a number from 0.01 to 86400"),
        ("DDM_CADENCE_POLL_SECONDS", "0", "a number from 0.01 to 86400"),
        ("DDM_CADENCE_POLL_SECONDS", "nan", "a number from 0.01 to 86400"),
        ("DDM_CADENCE_POLL_SECONDS", "inf", "a number from 0.01 to 86400"),
        ("DDM_WORKERS", "2.5", "a whole number from 1 to 256"),
        ("DDM_LOG_FORMAT", "xml", "auto, text or json"),
        ("DDM_LEASE_ENABLED", "perhaps", "true or false"),
        ("DDM_NAMESPACES", "Shop", "a namespace's name"),
        ("DDM_NAMESPACES", " ", "a namespace's name"),
        ("DDM_NAMESPACES", ",", "a namespace's name"),
        ("DDM_CLOUD_DDM_ENDPOINT", "ddm.example.com", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "https://ddm.example.com/v1", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://cloud:abc", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://cloud:65536", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://cloud:0", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://[::1", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://[::1::]", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_DDM_ENDPOINT", "http://10.0.0.256", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_IAM_ENDPOINT", "http://ü-x", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_IAM_ENDPOINT", "http://a..b", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_IAM_ENDPOINT", "http://{zone}.example.com", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_STS_ENDPOINT", f"http://{'a' * 64}", "http(s)://host[:port], no path"),
        ("DDM_CLOUD_CA_FILE", "absent.pem", "path of a PEM file with certificates, which can be read"),
        ("DDM_CLOUD_CA_FILE", "README.md", "path of a PEM file with certificates, which can be read"),
        ("DDM_CREDENTIALS_DIR", "absent", "path of a folder that exists"),
        ("DDM_CREDENTIALS_OWN_NAMESPACES", "sho*", "`*` for all, a namespace's name, or several separated by commas"),
        ("DDM_CREDENTIALS_SECRET_NAME", "../ddm", "an object's name"),
        ("DDM_PROBES_HOST", "a..b", "an address of the machine"),
        ("DDM_PROBES_HOST", "a" * 64, "an address of the machine"),
        ("DDM_PROBES_HOST", "10.0.0.256", "an address of the machine"),
        ("DDM_PROBES_PORT", "65536", "a whole number from 0 to 65535"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    said = refusal(monkeypatch, **{name: value})
    assert said.startswith(f"{name}='{value}'; allowed is {allowed}")
    assert len(said.splitlines()) == 1


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, DDM_WORKERS="none", DDM_LOG_LEVEL="loud", DDM_WORKER="3")
    assert [line.partition("=")[0].split()[0] for line in said.splitlines()] == [
        "DDM_WORKER",
        "DDM_WORKERS",
        "DDM_LOG_LEVEL",
    ]


def test_a_variable_that_does_not_exist_is_refused_with_the_likely_one_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(monkeypatch, DDM_CADENCE_POL_SECONDS="hunter2")
    assert said == "DDM_CADENCE_POL_SECONDS is not a setting; did you mean DDM_CADENCE_POLL_SECONDS?"


@pytest.mark.parametrize("value", ["{}", "{"])
def test_a_group_is_no_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert "DDM_CLOUD is not a setting" in refusal(monkeypatch, DDM_CLOUD=value)


def test_variables_that_kubernetes_adds_for_services_are_not_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DDM_OPERATOR_SERVICE_HOST": "10.0.0.7",
        "DDM_OPERATOR_SERVICE_PORT": "8080",
        "DDM_OPERATOR_SERVICE_PORT_METRICS": "8080",
        "DDM_OPERATOR_PORT": "tcp://10.0.0.7:8080",
        "DDM_OPERATOR_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "DDM_OPERATOR_PORT_8080_TCP_ADDR": "10.0.0.7",
    }.items():
        monkeypatch.setenv(name, value)
    read_settings()


def test_a_mistyped_port_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean DDM_PROBES_PORT?" in refusal(monkeypatch, DDM_PROBE_PORT="8080")


@pytest.mark.parametrize(
    "value",
    [
        "ftp://me:hunter2@proxy",
        "http://me:hunter2/word@proxy:3128",
        "http://me:hunter2#word@proxy:3128",
        "http://me:hunter2?word@proxy:3128",
        "http://me:hunter2@proxy:31x28",
        "http://me:hunter2@proxy:99999",
        "http://me:hunter2@[::1",
        "http://me:hunter2@proxy/path",
        "http://me:hunter2@",
        "http://me:hunter2@{region}",
    ],
)
def test_a_proxy_that_is_none_is_refused_and_never_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    said = refusal(monkeypatch, DDM_CLOUD_PROXY=value)
    assert said.startswith(
        "DDM_CLOUD_PROXY holds a value that is not shown here; allowed is http(s)://[user:password@]"
    )
    assert "hunter2" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "value",
    [
        "http://proxy",
        "https://me:hunter2@proxy:3128/",
        "http://me:hunter2%2Fword@[::1]:80",
        "http://me:hunter2@x@proxy",
    ],
)
def test_a_proxy_is_kept_as_it_is_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DDM_CLOUD_PROXY", value)
    settings = read_settings()
    assert "hunter2" not in repr(settings)
    assert settings.cloud.proxy is not None
    assert settings.cloud.proxy.get_secret_value() == value
    assert httpx.Proxy(value).url.host in {"proxy", "::1"}


@given(st.from_regex(ENDPOINT))
def test_an_endpoint_that_is_accepted_can_be_asked(address: str) -> None:
    try:
        made = endpoints("cn-north-4", endpoint(address)).ddm
    except (ValueError, StalledError):
        return
    url = httpx.URL(made)
    assert (url.host.encode("idna") != b"", url.userinfo, url.path) == (True, b"", "/")


def test_a_region_that_is_too_long_for_the_endpoint_is_refused_in_a_sentence() -> None:
    with pytest.raises(StalledError, match="makes no address of"):
        endpoints("a" * 63, "http://ddm-{region}.example.com")


@pytest.mark.parametrize("password", ["hunter2", "hunter2/word", "hunter2@word", "hunter2 word"])
def test_a_password_in_an_address_is_not_shown(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    said = refusal(monkeypatch, DDM_CLOUD_IAM_ENDPOINT=f"https://me:{password}@iam.example.com")
    assert "hunter2" not in said
    assert "word" not in said
    assert "***@iam.example.com" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DDM_CADENCE_SETTLE_SECONDS", "160"),
        ("DDM_CADENCE_SEND_LIMIT_SECONDS", "30"),
        ("DDM_CADENCE_ENLARGE_TIMEOUT_SECONDS", "50"),
        ("DDM_CADENCE_ASSUMED_EXECUTION_DELAY_SECONDS", "80"),
        ("DDM_CADENCE_ASSUMED_READ_LAG_SECONDS", "80"),
    ],
)
def test_settings_under_which_a_late_call_could_be_made_twice_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    said = refusal(monkeypatch, **{name: value})
    assert said.startswith("DDM_CADENCE_SETTLE_SECONDS is ")
    assert f"{name} {value}" in said or f"{name} is {value}" in said


def test_the_settle_period_may_be_just_longer_than_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDM_CADENCE_SETTLE_SECONDS", "160.01")
    assert read_settings().cadence.settle_seconds == 160.01


@pytest.mark.parametrize("name", ["DDM_CADENCE_UNCONFIRMED_LIMIT_SECONDS", "DDM_CADENCE_OPERATION_DEADLINE_SECONDS"])
def test_nobody_is_asked_before_the_evidence_can_be_complete(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert refusal(monkeypatch, **{name: "180"}).startswith(f"{name} is 180 and must be more than")


def test_every_variable_says_what_it_does() -> None:
    texts = [variable.text for variable in variables()]
    assert all(len(text) > 30 and text.endswith(".") for text in texts)
    assert len(set(texts)) == len(texts)


def test_every_field_has_its_variable() -> None:
    leaves = 0
    for name, field in Settings.model_fields.items():
        group = getattr(field.annotation, "model_fields", None)
        leaves += len(group) if group and name in Settings.model_fields else 1
    assert leaves == len(variables())


def test_the_page_about_the_configuration_is_what_would_be_generated() -> None:
    assert configuration.PAGE.read_text() == configuration.render(), "run: make docs"


def test_the_page_names_every_variable_that_credentials_are_read_from() -> None:
    source = Path("operator/ddm_operator/cloud/credentials.py").read_text()
    names = set(configuration.CREDENTIAL_NAME.findall(source))
    assert names
    assert names == set(configuration.CREDENTIAL_VARIABLES)
