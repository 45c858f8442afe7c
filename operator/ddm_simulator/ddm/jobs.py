"""Jobs, which the console calls tasks."""

from __future__ import annotations

from typing import Final

from ddm_simulator import errors, lifecycle, times
from ddm_simulator.call import Call
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import Job

KEPT_SECONDS: Final = 30 * 24 * 3600
_GRACE_SECONDS: Final = 60
"""A start of exactly 30 days ago has become older on its way."""


def detail(call: Call) -> Response:
    """GET /v3/{project_id}/jobs/{job_id}: status and progress, without the reason of a failure."""
    job = call.world.jobs.get(call.params["job_id"], call.at)
    if job is None or job.project_id != call.project_id or job.created < call.now - KEPT_SECONDS:
        raise errors.refuse(errors.NO_SUCH_JOB)
    instance: Json = {"id": job.instance_id, "name": job.instance_name}
    return Response(200, {"job": {**_common(job, call.seen_at), "instance": instance}})


def listing(call: Call) -> Response:
    """GET /v3/{project_id}/jobs: of a time window, newest first."""
    page = call.page()
    start, end = _moment(call, "start_time"), _moment(call, "end_time")
    if start > end or start < call.now - KEPT_SECONDS - _GRACE_SECONDS:
        raise errors.refuse(errors.INVALID_TIME_RANGE)
    hidden = call.hidden_jobs
    found = call.world.jobs.where(
        lambda job: (
            job.project_id == call.project_id
            and start <= job.created <= end
            and None not in hidden
            and job.instance_id not in hidden
        ),
        call.at,
    )
    found.sort(key=lambda job: job.created, reverse=True)
    jobs = [_row(job, call.seen_at) for job in found[page.offset : page.offset + page.limit]]
    return Response(200, {"jobs": jobs, "offset": page.offset, "limit": page.limit, "total": len(found)})


def _moment(call: Call, name: str) -> float:
    text = call.request.parameter(name)
    if text is None:
        raise errors.refuse(errors.PARAMETER_ERROR)
    try:
        return int(float(text)) / times.MILLISECONDS
    except (ValueError, OverflowError):
        raise errors.refuse(errors.PARAMETER_ERROR) from None


def _common(job: Job, now: float) -> Json:
    return {
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "created_time": times.ddm(job.created),
        "end_time": times.ddm(job.created if job.ended is None else job.ended),
        "process": lifecycle.progress(job, now),
    }


def _row(job: Job, now: float) -> Json:
    return {
        **_common(job, now),
        "instance_id": job.instance_id,
        "instance_name": job.instance_name,
        "database_name": "",
        "operations": [],
        "fail_reason": job.fail_reason if job.status == "Failed" else "",
    }
