"""The checks of the cloud's side: endpoints, clock, credential, project."""

from __future__ import annotations

from typing import Final

from ddm_operator.cloud.auth import TOLERATED_SKEW
from ddm_operator.cloud.clouds import open_clouds
from ddm_operator.cloud.endpoints import Endpoints, endpoints
from ddm_operator.cloud.own import NoSecrets, for_everybody, no_chance
from ddm_operator.cloud.reach import reach
from ddm_operator.cloud.whose import Choice
from ddm_operator.doctor.findings import TroubleError
from ddm_operator.doctor.patient import Patient
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError
from ddm_operator.kube.secrets import ApiSecrets
from ddm_operator.ports import Secrets
from ddm_operator.settings import Settings

WHO: Final = frozenset({reasons.CREDENTIALS_MISSING, reasons.CREDENTIALS_REJECTED})
"""Reasons that speak of the credential; all others come after it was accepted, or before it mattered."""


async def endpoint(patient: Patient) -> str:
    """DDM and IAM answer, whatever they answer."""
    at = _endpoints(patient)
    cloud = patient.settings.cloud
    try:
        dates = await reach(cloud, (at.ddm, at.iam), patient.clock.monotonic)
    except OperatorError as error:
        advice = "Check the region, DDM_CLOUD_DDM_ENDPOINT, DDM_CLOUD_IAM_ENDPOINT, DDM_CLOUD_PROXY, DDM_CLOUD_CA_FILE "
        raise TroubleError(error.message, advice + "and what a NetworkPolicy lets out.") from None
    told = next((date for date in dates if date is not None), None)
    if told is not None:
        patient.cloud_time = told, patient.clock.now()
    return f"{at.ddm} and {at.iam} answer"


async def clock(patient: Patient) -> str:
    """This machine's clock is the cloud's."""
    if patient.cloud_time is None:
        raise TroubleError("The cloud's answers have no Date.", "See what stands between the operator and the cloud.")
    theirs, ours = patient.cloud_time
    skew = (ours - theirs).total_seconds()
    if abs(skew) > TOLERATED_SKEW.total_seconds():
        text = f"This machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the cloud's."
        raise TroubleError(text, "Correct it (NTP). Times in status and in the log are wrong meanwhile.")
    return f"{abs(skew):.0f} s between this machine's clock and the cloud's"


async def credential(patient: Patient) -> str:
    """There is one, and the cloud accepts it."""
    settings, secrets = _whose(patient)
    try:
        owner = await Choice(settings.credentials, secrets, patient.clock.monotonic).of(
            patient.namespace, following=False
        )
    except OperatorError as error:
        raise _trouble(error) from None
    try:
        async with open_clouds(settings, patient.clock, lambda *_: None, secrets, no_chance) as clouds:
            cloud = await clouds.cloud_for(patient.namespace, None, None)
            await cloud.prepare()
            instances = await cloud.list_instances()
            patient.project = f"{cloud.target.project_id} in {cloud.target.region} shows {len(instances)} instances"
    except OperatorError as error:
        if error.reason in WHO:
            raise _trouble(error) from None
        patient.failure = error
        return "there is one; whether it suffices is told below"
    whose = f"namespace {owner.name}" if owner.name else "the operator's own"
    return f"the cloud accepts the {type(owner.credential).__name__} ({whose})"


def _whose(patient: Patient) -> tuple[Settings, Secrets]:
    """Without a namespace the operator's own credential; with one what an object there would have."""
    settings = patient.settings
    if not patient.namespace:
        return for_everybody(settings), NoSecrets()
    if patient.inquiry is None:
        text = f"The Secret of namespace {patient.namespace} cannot be read: the API server was not reached."
        raise TroubleError(text, "See api-server above. Without --namespace the operator's own credential is tried.")
    name = settings.credentials.secret_name
    return settings, ApiSecrets(patient.inquiry.api, name, monotonic=patient.clock.monotonic)


def _trouble(error: OperatorError) -> TroubleError:
    return TroubleError(error.message, f"See the entry of {error.reason} in the runbook.")


async def project(patient: Patient) -> str:
    """It is there for this credential, and its instances may be listed."""
    if patient.failure is not None:
        raise _trouble(patient.failure)
    return patient.project


def _endpoints(patient: Patient) -> Endpoints:
    cloud = patient.settings.cloud
    if cloud.region is None:
        advice = "Set DDM_CLOUD_REGION, or name one with --region when every object has its own."
        raise TroubleError("No region is known, so no endpoint is.", advice)
    return endpoints(cloud.region, cloud.ddm_endpoint, cloud.iam_endpoint, cloud.sts_endpoint)
