"""A cluster of the user's own, taken only when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError


@dataclass(frozen=True)
class ForeignCluster:
    """The cluster that a kubeconfig's current context names."""

    kubeconfig: Path
    server: str


def foreign_cluster(env: Mapping[str, str]) -> ForeignCluster:
    """Read the kubeconfig that `KUBECONFIG` names.

    Raises:
        DevclusterError: It names none or several, or one that cannot be read.
    """
    named = env.get("KUBECONFIG", "")
    advice = ["Set KUBECONFIG to one kubeconfig file.", "Leave CLUSTER unset to use the embedded control plane."]
    if not named:
        raise DevclusterError("CLUSTER=kubeconfig asks for your own cluster, but KUBECONFIG is not set.", advice=advice)
    path = Path(named)
    if not path.is_file():
        raise DevclusterError(f"CLUSTER=kubeconfig: KUBECONFIG={named} is not a file.", advice=advice)
    try:
        return ForeignCluster(path, _current_server(path))
    except (KeyError, TypeError, ValueError) as error:
        raise DevclusterError(f"KUBECONFIG={named} has no current context with a cluster.", advice=advice) from error


def _current_server(path: Path) -> str:
    # The only need for a package; whoever has a cluster of their own has installed the operator's.
    import yaml  # noqa: PLC0415 -- everything else here works before anything is installed

    try:
        config = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(path) from error
    contexts = {item["name"]: item["context"] for item in config["contexts"]}
    clusters = {item["name"]: item["cluster"] for item in config["clusters"]}
    return str(clusters[contexts[config["current-context"]]["cluster"]]["server"])
