"""The checks of the cluster's side: API server, CRD, permissions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ddm_operator.doctor.findings import TroubleError
from ddm_operator.doctor.patient import Patient
from ddm_operator.kube.client import ApiServer, ApiServerError
from ddm_operator.kube.connect import ConnectError, load_configuration, own_namespace
from ddm_operator.kube.inquiry import Inquiry, rights
from ddm_operator.kube.resource import GROUP, PLURAL, VERSION

SHOWN = 6
"""Missing things that a line lists; the rest is counted."""

Told = TypeVar("Told")


async def api_server(patient: Patient) -> str:
    """It answers, and knows who asks."""
    try:
        configuration = await load_configuration()
        api = ApiServer.over(configuration)
    except ConnectError as error:
        raise TroubleError(str(error), "Give the operator a way to the API server.") from None
    patient.parts.push_async_callback(api.close)
    patient.inquiry = Inquiry(api)
    try:
        version = await patient.inquiry.version()
    except ApiServerError as error:
        text = f"{configuration.host} does not answer as an API server should: {error}."
        advice = "Check the address, the network on the way to it, and the credential in the kubeconfig or the pod."
        raise TroubleError(text, advice) from None
    return f"{configuration.host} is Kubernetes {version}"


async def crd(patient: Patient) -> str:
    """The resource is served, in the operator's version, with every field that it writes."""
    served = await _answer(patient.questions.served())
    apply = "Apply the CRD that belongs to this version of the operator (crds/, or the chart with its CRD)."
    for name in (PLURAL, f"{PLURAL}/status"):
        if name not in served:
            raise TroubleError(f"The API server does not serve {name} of {GROUP}/{VERSION}.", apply)
    missing = await _answer(patient.questions.missing_fields())
    if missing:
        text = f"The CRD is older than the operator; its schema lacks {_listed(sorted(missing))} of status."
        raise TroubleError(text, f"{apply} What the schema lacks is dropped without a word.")
    return f"{PLURAL}.{GROUP} {VERSION} is served, with every field that this version writes"


async def permissions(patient: Patient) -> str:
    """The operator's own account may do what ``run`` does, where the settings say; a namespace asked about is there."""
    settings = patient.settings
    if patient.namespace and settings.namespaces and patient.namespace not in settings.namespaces:
        text = f"Objects in {patient.namespace} are not seen: only {', '.join(settings.namespaces)} is watched."
        raise TroubleError(text, "Add it to DDM_NAMESPACES, with the role (in the chart both are watchNamespaces).")
    place = settings.lease
    lease = (place.namespace or own_namespace(), place.name) if place.enabled else None
    secret = settings.credentials.secret_name if settings.credentials.per_namespace else None
    needed = tuple(rights(settings.namespaces, secret, lease))
    allowed = await asyncio.gather(*(_answer(patient.questions.may(right)) for right in needed))
    missing = [str(right) for right, granted in zip(needed, allowed, strict=True) if not granted]
    if missing:
        text = f"This account may not {_listed(missing)}."
        raise TroubleError(text, "Grant it the operator's role, in the same namespaces as DDM_NAMESPACES names.")
    where = ", ".join(settings.namespaces) or "all namespaces"
    return f"{len(needed)} rights that it needs are granted, in {where}"


async def _answer(question: Awaitable[Told]) -> Told:
    try:
        return await question
    except ApiServerError as error:
        raise TroubleError(f"The API server did not answer this: {error}.", "Run it again; see its log.") from None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
