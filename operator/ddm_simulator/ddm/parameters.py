"""An instance's parameters, read only."""

from __future__ import annotations

import hashlib
from typing import Final

from ddm_simulator import times
from ddm_simulator.call import Call
from ddm_simulator.messages import Json, Response

_PARAMETERS: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("bind_table", "", "0", "", "string"),
    ("character_set_server", "utf8mb4", "1", "gbk|utf8|utf8mb4", "string"),
    ("collation_server", "utf8mb4_unicode_ci", "1", "utf8mb4_bin|utf8mb4_general_ci|utf8mb4_unicode_ci", "string"),
    ("concurrent_execution_level", "DATA_NODE", "0", "RDS_INSTANCE|DATA_NODE|PHY_TABLE", "string"),
    ("connection_idle_timeout", "28800", "0", "60-86400", "integer"),
    ("live_transaction_timeout_on_shutdown", "1", "0", "0-100", "integer"),
    ("long_query_time", "1", "0", "0.01-10", "string"),
    ("max_allowed_packet", "1073741824", "0", "1024-1073741824", "integer"),
    ("max_backend_connections", "0", "0", "0-10000000", "integer"),
    ("max_connections", "20000", "0", "10-40000", "integer"),
    ("min_backend_connections", "10", "0", "0-10000000", "integer"),
    ("sql_execute_timeout", "28800", "0", "100-28800", "integer"),
    ("transaction_policy", "XA", "0", "XA|FREE|NO_DTX", "string"),
)
"""Name, value, whether a change needs a restart, range, type."""

_MOST_PER_PAGE = 128


def listing(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}/configurations."""
    page = call.page(default_limit=_MOST_PER_PAGE)
    instance = call.instance()
    rows: list[Json] = [
        {
            "name": name,
            "value": value,
            "need_restart": need_restart,
            "read_only": "0",
            "value_range": value_range,
            "data_type": data_type,
            "description": "",
        }
        for name, value, need_restart, value_range, data_type in _PARAMETERS[page.offset : page.offset + page.limit]
    ]
    group = hashlib.sha256(instance.id.encode()).hexdigest()
    return Response(
        200,
        {
            "id": f"{group[:32]}pr09",
            "name": f"ddm_{group[:8]}",
            "description": "Parameters of the instance",
            "updated": times.parameters(instance.created),
            "configuration_parameter": rows,
            "offset": page.offset,
            "limit": page.limit,
            "total": len(_PARAMETERS),
        },
    )
