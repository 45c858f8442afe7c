"""The command line: ``ddm-operator run``, ``doctor`` and ``export``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import IO, Any, TypeVar

import click
from typing_extensions import override

from ddm_operator import logs
from ddm_operator.environment import InvalidSettingsError, Variable, read_settings, variables

EXIT_INVALID_SETTINGS = 2
"""The same as for a wrong option: a restart does not help."""

EXIT_CODES = """\b
Exit codes:
  0  stopped in good order, by SIGTERM or SIGINT
  1  ended by an error or by the loss of the Lease, which the log tells: start it again
  2  an option or a setting is wrong: starting it again does not help
"""

NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

DOCTOR_EXIT_CODES = """\b
Exit codes:
  0  every check has passed
  1  one has failed
"""

EXPORT_EXIT_CODES = """\b
Exit codes:
  0  every instance is there, with its groups
  1  something could not be read, which stderr tells; what could be is there
  2  an option or a setting is wrong
"""

Command = TypeVar("Command", bound=Callable[..., Any])

BY_NAME = {variable.name: variable for variable in variables()}


class WrongSettings(click.ClickException):
    """Ends the process with one message and without a traceback."""

    exit_code = EXIT_INVALID_SETTINGS

    @override
    def show(self, file: IO[Any] | None = None) -> None:
        lines = "".join(f"\n  {line}" for line in self.message.splitlines())
        click.echo(f"ddm-operator was not started; its settings are wrong:{lines}", file=file, err=file is None)


def _check_namespace(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value and not NAMESPACE.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no namespace's name")
    return value


def setting(option: str, name: str, **attributes: Any) -> Callable[[Command], Command]:  # noqa: ANN401  # as click has it
    """An option that wins over one environment variable and is described by it."""
    variable = BY_NAME[name]
    return click.option(option, "__".join(variable.path), help=_help(variable), default=None, **attributes)


def _help(variable: Variable) -> str:
    sentence, _, _ = variable.text.partition(". ")
    default = f"; default: {variable.default}" if variable.default else ""
    return f"{sentence.rstrip('.').replace('`', '')}.  [{variable.name}{default}]"


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ddm-operator", prog_name="ddm-operator")
def main() -> None:
    """Scale Huawei Cloud DDM instances out, exactly once per declared change."""


@main.command(epilog=EXIT_CODES, short_help="Run the operator.")
@setting("--namespace", "DDM_NAMESPACES", metavar="NAME[,NAME…]", multiple=True)
@setting("--region", "DDM_CLOUD_REGION", metavar="NAME")
@setting("--lease/--no-lease", "DDM_LEASE_ENABLED")
@setting("--probes-port", "DDM_PROBES_PORT", metavar="PORT")
@setting("--log-format", "DDM_LOG_FORMAT", metavar="FORMAT")
@setting("--log-level", "DDM_LOG_LEVEL", metavar="LEVEL")
def run(**options: object) -> None:
    """Watch DDMInstance objects and bring each to the number of nodes that it declares.

    Needs a kubeconfig (KUBECONFIG, or the usual file) outside of a cluster, and the cloud's credentials
    (HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, for example): in a Secret ddm-credentials beside the objects, or in its
    own environment for the namespaces in DDM_CREDENTIALS_OWN_NAMESPACES. Everything that can be set is an environment
    variable; the options are the ones that are wanted by hand. All of them: docs/configuration.md.
    """
    try:
        settings = read_settings(_grouped(options))
    except InvalidSettingsError as error:
        raise WrongSettings(str(error)) from None
    logs.set_up(settings.log.format, settings.log.level)
    from ddm_operator import handlers, wiring  # noqa: PLC0415  # --help and a wrong setting wait for no Kubernetes client

    raise SystemExit(asyncio.run(wiring.run(settings, handlers)))


@main.command(epilog=DOCTOR_EXIT_CODES, short_help="Check everything that run needs.")
@setting("--region", "DDM_CLOUD_REGION", metavar="NAME")
@click.option(
    "--namespace",
    default="",
    metavar="NAME",
    callback=_check_namespace,
    help="Try the credential that objects there get; without it the operator's own.",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(namespace: str, output: str, **options: object) -> None:
    """Look at settings, API server, CRD, permissions, endpoint, clock, credential and project.

    A line each: what was found, or what is wrong and what to do. It needs what run needs, changes nothing, and shows no
    secret.
    """
    from ddm_operator.clock import SystemClock  # noqa: PLC0415  # as in run
    from ddm_operator.doctor import examine, findings  # noqa: PLC0415  # as in run

    read = partial(read_settings, _grouped(options))
    found = asyncio.run(examine.examine(read, namespace, SystemClock()))
    click.echo(findings.as_json(found) if output == "json" else findings.as_text(found))
    raise SystemExit(0 if findings.healthy(found) else 1)


@main.command(epilog=EXPORT_EXIT_CODES, short_help="Write manifests of a project's instances.")
@setting("--region", "DDM_CLOUD_REGION", metavar="NAME")
@setting("--project-id", "DDM_CLOUD_PROJECT_ID", metavar="ID")
@click.option("--namespace", default="", metavar="NAME", callback=_check_namespace, help="Namespace of the objects.")
def export(namespace: str, **options: object) -> None:
    """Write a DDMInstance that only observes for every instance of a project, to stdout.

    The ids of its groups and their counts are comments: uncomment them to let the operator scale. Applying the
    manifests changes nothing in the cloud. The project is read with the credential in the environment.
    """
    try:
        settings = read_settings(_grouped(options))
    except InvalidSettingsError as error:
        raise WrongSettings(str(error)) from None
    from ddm_operator.clock import SystemClock  # noqa: PLC0415  # as in run
    from ddm_operator.export import export as write  # noqa: PLC0415  # as in run

    say = partial(click.echo, nl=False)
    raise SystemExit(asyncio.run(write(settings, namespace, SystemClock(), say, partial(click.echo, err=True))))


def _grouped(options: dict[str, object]) -> dict[str, Any]:
    """The options that were given, in the shape of ``Settings``."""
    grouped: dict[str, Any] = {}
    for name, value in options.items():
        group, _, field = name.partition("__")
        if value in (None, ()):
            continue
        if field:
            grouped.setdefault(group, {})[field] = value
        else:
            grouped[group] = value
    return grouped


if __name__ == "__main__":
    main(prog_name="ddm-operator")
