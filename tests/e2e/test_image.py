"""The image without an engine: its own steps, and the operator in it as the chart runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from tests.support.container import REMOVED, digest
from tests.support.dockerfile import pairs, python_version
from tests.support.image import EPOCH, Built, EngineRoom, interpreters
from tests.support.process import Process
from tests.support.repository import ROOT
from tests.support.stage import CADENCE, Stage

USER = 65532
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
CREDENTIALS = "/etc/ddm-operator/credentials"

SCOUT = r"""
import os
writable = []
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/dev")]
    writable += [path for name in ["", *names] if os.access(path := os.path.join(folder, name), os.W_OK)]
print("\n".join(path.rstrip("/") for path in writable if not os.path.islink(path)))
"""
"""Prints what its user may write to."""


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    """As ``deploy/`` has it, which is made from the chart."""
    documents = yaml.safe_load_all((ROOT / "deploy" / "base" / "operator.yaml").read_text())
    [deployment] = [one for one in documents if one["kind"] == "Deployment"]
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def volumes(folder: Path, stage: Stage) -> dict[str, Path]:
    """The service account and the credential, as a kubelet lays them out for the pod's group."""
    token = json.loads(stage.kubeconfig.read_text())["users"][0]["user"]["token"]
    authority = Path(stage.connection.ca_file).read_text()
    contents = {
        ACCOUNT: {"token": token, "ca.crt": authority, "namespace": stage.namespace},
        CREDENTIALS: stage.key,
    }
    made = {}
    for place, files in contents.items():
        made[place] = folder / Path(place).name
        made[place].mkdir()
        for name, text in files.items():
            (made[place] / name).write_text(text)
            os.chown(made[place] / name, 0, USER)
            (made[place] / name).chmod(0o440)
    return made


def container(built: Built, pod: Mapping[str, Any], command: list[str], **options: Any) -> list[str]:
    """The command that runs one in the image as the pod has it."""
    [operator] = pod["containers"]
    empty = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume}
    writable = {
        mount["mountPath"]: int(empty[mount["name"]]["sizeLimit"].removesuffix("Mi")) << 20
        for mount in operator["volumeMounts"]
        if mount["name"] in empty
    }
    who = pod["securityContext"]
    environment = pairs(built.recipe.final.last("ENV")) | options.pop("environment", {})
    return built.engine.container(
        built.layer,
        command,
        environment,
        user=who["runAsUser"],
        group=who["runAsGroup"],
        writable=writable,
        mounts=options.pop("mounts", {}),
    )


def say(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_operator_works_in_it_as_the_chart_runs_it(
    built: Built, pod: dict[str, Any], stage: Stage, tmp_path: Path
) -> None:
    [operator] = pod["containers"]
    server = urlsplit(stage.connection.server)
    environment = {
        **{one["name"]: one.get("value", stage.namespace) for one in operator["env"]},
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "DDM_NAMESPACES": stage.namespace,
        "DDM_CREDENTIALS_OWN_NAMESPACES": stage.namespace,
        "DDM_CLOUD_REGION": stage.project.region,
        "DDM_CLOUD_PROJECT_ID": stage.project.project_id,
        "DDM_CLOUD_DDM_ENDPOINT": stage.cloud.url,
        "DDM_CLOUD_IAM_ENDPOINT": stage.cloud.url,
        "DDM_PROBES_HOST": "127.0.0.1",
        "DDM_PROBES_PORT": "0",
        "DDM_LOG_FORMAT": "json",
        **{f"DDM_CADENCE_{key}_SECONDS": value for key, value in CADENCE.items()},
    }
    command = [*operator["command"], *operator["args"]]
    first, *arguments = container(built, pod, command, environment=environment, mounts=volumes(tmp_path, stage))
    process = Process(arguments, tmp_path / "container.log", program=first)
    stage.processes.append(process)
    stage.declare(3)
    process.start()
    port = process.await_line(r'"port": ?(\d+)')[1]
    stage.until_ready(3)
    assert stage.added() == [1]
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    status = Path("/proc", str(process.pid), "status").read_text()
    assert set(re.findall(r"^(?:Uid|Gid|Groups):\s+(.*?)\s*$", status, re.MULTILINE)) == {
        "\t".join([str(USER)] * 4),
        str(USER),
    }
    assert {int(word, 16) for word in re.findall(r"^Cap\w+:\s+(\w+)$", status, re.MULTILINE)} == {0}
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    program = Path("/proc", str(process.pid), "exe").readlink()
    assert program.parent == built.engine.mounted / "usr" / "local" / "bin", (
        "the base's Python, and none of this machine"
    )
    assert process.stop() == 0, process.text


def test_only_the_documented_folder_can_be_written_to(built: Built, pod: dict[str, Any]) -> None:
    assert say(container(built, pod, ["python", "-c", SCOUT])).split() == ["/tmp"]
    assert "only path that is written is `/tmp`" in (ROOT / "docs" / "install.md").read_text()


def test_nothing_in_it_compiles_or_installs(built: Built, pod: dict[str, Any]) -> None:
    question = (
        "import importlib.util\n"
        "names = ('pip', 'ensurepip', 'setuptools', 'wheel', 'pkg_resources', 'distutils', 'idlelib')\n"
        "print([name for name in names if importlib.util.find_spec(name)])"
    )
    for python in ("python", "/usr/local/bin/python3"):
        assert say(container(built, pod, [python, "-c", question])) == "[]\n"
    added = digest(built.layer)
    tools = [path for path in added if re.search(r"/bin/(?:cc|gcc|g\+\+|ld|as|make|pip|easy_install)[^/]*$", path)]
    assert tools
    assert {added[path] for path in tools} == {REMOVED}


def test_every_module_that_it_loads_has_bytecode_that_needs_no_look_at_its_source(
    built: Built, pod: dict[str, Any]
) -> None:
    question = (
        "import sys, ddm_operator.__main__, ddm_operator.wiring, ddm_operator.handlers\n"
        "from pathlib import Path\n"
        "files = [m.__cached__ for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]\n"
        "ours = [Path(f) for f in files if f.startswith('/opt')]\n"
        "print(sum(p.exists() for p in ours), sum(not p.exists() for p in ours))\n"
        "print({int.from_bytes(p.read_bytes()[4:8], 'little') for p in ours if p.exists()})"
    )
    counts, flags = say(container(built, pod, ["python", "-c", question])).splitlines()
    there, missing = map(int, counts.split())
    assert there > 500
    assert missing < 10
    assert flags == "{1}", "unchecked hashes, as PEP 552 has them"


def test_the_same_sources_make_the_same_files(built: Built, engine_room: EngineRoom, tmp_path: Path) -> None:
    first = digest(built.layer)
    second = digest(engine_room.build(tmp_path, checkout_time=EPOCH + 90_000).layer)
    assert {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)} == set()
    assert len(first) > 5000
    shutil.rmtree(tmp_path)


def test_the_python_is_of_the_base_image_s_version(engine_room: EngineRoom) -> None:
    wanted = python_version(engine_room.recipe.final.base)
    if not (engine_room.python / "bin" / f"python{wanted}").exists():
        # No other Python can be brought here; the other tests take the steps with the one there is.
        mine = ".".join(map(str, sys.version_info[:2]))
        pytest.skip(f"The image has Python {wanted}; its steps were taken with another: none is here beside {mine}")
    assert next(interpreters(wanted)) == engine_room.python
