"""The chart over time: installed, upgraded, rolled back and uninstalled, with an operation open all the while."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.helm import CHART, of_kind
from tests.support.installed import NAMESPACE, RELEASE, RESOURCE, Installed
from tests.support.kubeapi import Json
from tests.support.stage import in_phase, is_ready, operation

LATER_FIELDS = ("jobId", "baselineNodeIds", "generation", "region", "projectId")
"""Fields of the journal that the earlier version does not know: without them an operation cannot be followed safely."""


def schema_of(crd: Json) -> Json:
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    return found


@pytest.fixture
def earlier(installed: Installed, tmp_path: Path) -> Path:
    """The chart of an earlier version, packaged, whose resource knows less."""
    folder = tmp_path / "earlier" / "ddm-operator"
    shutil.copytree(CHART, folder)
    path = folder / "files" / "crds" / "ddminstances.yaml"
    crd = yaml.safe_load(path.read_text())
    for field in LATER_FIELDS:
        del schema_of(crd)["operation"]["properties"][field]
    path.write_text(yaml.safe_dump(crd))
    installed.helm.run("package", folder, "--version", "0.0.9", "--app-version", "0.0.9", "--destination", tmp_path)
    return tmp_path / "ddm-operator-0.0.9.tgz"


def knows(installed: Installed, field: str) -> bool:
    return field in schema_of(installed.api.get(RESOURCE))["operation"]["properties"]


def test_a_release_lives_through_everything_with_an_operation_open(installed: Installed, earlier: Path) -> None:
    shop = installed.namespace("shop")
    installed.release("install", earlier)
    shop.create({"instanceId": installed.project.instance_id, "nodes": 4})
    first = installed.operator()
    first.start()
    opened = installed.api.until(shop.path("orders"), in_phase("Running"))
    first.kill()
    journal = operation(opened)
    assert journal.keys() >= set(LATER_FIELDS), "the journal of an open operation, whatever the resource knows"

    installed.release("upgrade")
    assert knows(installed, "jobId"), "an upgrade brings new fields of the resource"
    assert operation(shop.get()) == journal

    installed.helm.run("rollback", RELEASE, "1", "--namespace", NAMESPACE)
    assert not knows(installed, "jobId")
    assert operation(shop.get()) == journal

    second = installed.operator()
    second.start()
    done = installed.api.until(shop.path("orders"), is_ready, 40.0)
    assert operation(done)["jobId"] == journal["jobId"]
    assert len(installed.cloud.executed(installed.project.instance_id)) == 1
    assert second.stop() == 0

    before = shop.get()
    installed.helm.run("uninstall", RELEASE, "--namespace", NAMESPACE)
    assert installed.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")["items"] == []
    assert installed.api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/view"), "others' roles stay"
    assert shop.get() == before, "uninstalling deletes no DDMInstance, and changes none"

    installed.release("install")
    assert knows(installed, "jobId"), "the resource that was kept is taken up again, and brought up to date"
    assert shop.get()["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_resource_that_dropped_unknown_fields_would_lose_the_journal(installed: Installed) -> None:
    """The reason for ``x-kubernetes-preserve-unknown-fields`` on the journal: without it a roll-back erases."""
    installed.release("install")
    shop = installed.namespace("shop")
    created = shop.create()
    metadata = {name: created["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
    journal = {"id": "1", "phase": "Running", "jobId": "job", "baselineJobIds": ["other"]}
    shop.put_status(metadata, {"operation": journal, "history": [journal]})
    crd = installed.api.get(RESOURCE)
    for schema in (schema_of(crd)["operation"], schema_of(crd)["history"]["items"]):
        del schema["x-kubernetes-preserve-unknown-fields"]
        for field in LATER_FIELDS:
            del schema["properties"][field]
    installed.api.put(RESOURCE, crd)
    installed.api.until(shop.path("orders"), lambda body: "jobId" not in operation(body), 20.0)


def is_deleted(one: Json) -> bool:
    return "deletionTimestamp" in one["metadata"]


def test_the_resource_goes_only_when_that_was_asked_for(installed: Installed) -> None:
    shop = installed.namespace("shop")
    installed.release("install")
    before = shop.create()
    installed.release("upgrade", CHART, installed.values(crds={"enabled": False}))
    assert not is_deleted(installed.api.get(RESOURCE)), "switching it off is no wish to lose all objects"
    assert shop.get() == before
    installed.release("upgrade", CHART, installed.values(crds={"keep": False}))
    installed.helm.run("uninstall", RELEASE, "--namespace", NAMESPACE)
    left = installed.api.get(RESOURCE.rpartition("/")[0])["items"]
    assert [one for one in left if not is_deleted(one)] == []


def test_a_resource_that_was_applied_by_hand_is_taken_over_on_request(installed: Installed) -> None:
    crd = yaml.safe_load(Path("crds/ddminstances.yaml").read_text())
    installed.api.apply(RESOURCE, crd, manager="kubectl")
    values = yaml.safe_dump(installed.values())
    command = ("install", RELEASE, CHART, "--namespace", NAMESPACE, "--values=-")
    said = installed.helm.refusal(*command, text=values)
    assert "cannot be imported into the current release" in said
    installed.helm.run(*command, "--take-ownership", "--force-conflicts", text=values)
    labels = installed.api.get(RESOURCE)["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "Helm"


@pytest.mark.parametrize("per_namespace", [True, False], ids=["secrets-of-namespaces", "own-credential-only"])
def test_helm_test_asks_the_doctor(installed: Installed, per_namespace: bool) -> None:  # noqa: FBT001  # a case
    """What `helm test` runs in the cluster, with the token and so with the rights that it has there."""
    values = installed.values()
    values["credentials"]["perNamespace"] = {"enabled": per_namespace}
    installed.release("install", values=values)
    hooks = installed.helm.run("get", "hooks", RELEASE, "--namespace", NAMESPACE)
    pod = of_kind([one for one in yaml.safe_load_all(hooks) if one], "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    [container] = pod["spec"]["containers"]
    doctor = installed.process(container, pod["spec"]["serviceAccountName"])
    doctor.start()
    assert doctor.wait() == 0, doctor.text
