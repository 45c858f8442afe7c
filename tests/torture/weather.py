"""What can go wrong in the cloud: every fault of the simulator, within what is assumed of the real one.

Assumed: a call is executed within 60 s of its reception, and reads are at most 60 s behind.
"""

from __future__ import annotations

from typing import Any, Final

CALL_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "lost"},
    {"kind": "lost", "executed": False},
    {"kind": "lost", "seconds": 5.0},
    {"kind": "reset"},
    {"kind": "reset", "executed": True},
    {"kind": "refused", "seconds": 4.0},
    {"kind": "error", "status": 502},
    {"kind": "error", "status": 504, "executed": True},
    {"kind": "error", "status": 500, "code": "DBS.200412", "executed": True},
    {"kind": "error", "status": 400, "code": "DBS.300002", "executed": True},
    {"kind": "error", "status": 400, "code": "DBS.300005"},
    {"kind": "error", "status": 400, "code": "DBS.999999", "executed": True},
    {"kind": "error", "status": 409, "code": "DBS.200019"},
    {"kind": "error", "status": 400, "code": "DBS.280450"},
    {"kind": "error", "status": 403, "code": "DBS.200010"},
    {"kind": "answer", "status": 200, "executed": True},
    {"kind": "answer", "status": 302, "headers": {"Location": "http://elsewhere/"}},
    {"kind": "late", "seconds": 20.0},
    {"kind": "late", "seconds": 55.0},
    {"kind": "late", "seconds": 50.0, "status": None},
    {"kind": "late", "seconds": 55.0, "status": 400, "code": "DBS.999999"},
    {"kind": "throttled"},
    {"kind": "throttled", "retry_after": 40},
    {"kind": "slow", "seconds": 10.0},
    {"kind": "slow", "seconds": 50.0},
    {"kind": "garbage"},
    {"kind": "garbage", "executed": False},
    {"kind": "truncated"},
    {"kind": "expired-token"},
    {"kind": "not-published"},
    {"kind": "extra-fields"},
    {"kind": "unknown-status"},
)
"""What may happen to an enlarge call."""

JOB_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "job-fails"},
    {"kind": "job-fails", "failed_nodes": 1},
    {"kind": "job-fails", "kept_nodes": 1},
    {"kind": "job-stuck"},
)
"""What may become of the next operation."""

READ_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "error", "status": 503, "route": "*"},
    {"kind": "refused", "seconds": 30.0, "route": "*"},
    {"kind": "lost", "seconds": 20.0, "route": "*"},
    {"kind": "throttled", "route": "*"},
    {"kind": "reset", "route": "jobs"},
    {"kind": "error", "status": 500, "route": "jobs"},
    {"kind": "garbage", "route": "jobs"},
    {"kind": "truncated", "route": "jobs"},
    {"kind": "job-missing"},
    {"kind": "job-unknown"},
    {"kind": "unknown-status", "route": "jobs"},
    {"kind": "unknown-status", "route": "instance*"},
    {"kind": "extra-fields", "route": "*"},
    {"kind": "slow", "seconds": 8.0, "route": "instance*"},
    {"kind": "garbage", "route": "instance*"},
    {"kind": "answer", "route": "groups"},
    {"kind": "error", "status": 400, "code": "DBS.280001", "route": "databases"},
    {"kind": "expired-token", "route": "*"},
    {"kind": "not-published", "route": "flavors"},
)
"""What may happen to the questions, for as long as it lasts."""

LAGS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "lag", "seconds": 10.0, "route": "*"},
    {"kind": "lag", "seconds": 55.0, "route": "*"},
    {"kind": "lag", "seconds": 55.0, "route": "job*"},
    {"kind": "lag", "seconds": 30.0, "route": "instance*"},
    {"kind": "lag", "seconds": 30.0, "route": "groups"},
)

LASTS: Final = (1.0, 20.0, 200.0, 700.0, 3600.0)
"""Seconds that such a time may last."""

API: Final = ("refused", "hole", "deaf", "slow", "errors")
API_LASTS: Final = (0.05, 1.0, 10.0, 60.0, 400.0)


def sentence(fault: dict[str, Any]) -> str:
    """A fault in a few words."""
    rest = ", ".join(f"{key} {value}" for key, value in fault.items() if key not in ("kind", "route"))
    return f"{fault['kind']} ({rest})" if rest else str(fault["kind"])
