"""Condition reasons: CamelCase, stable, each with an entry in ``docs/runbook.md``.

Three sets say what a reason means for the object: ``DONE`` (nothing to do), ``HEALING`` (ends by itself, re-checked)
and ``STALLING`` (needs a person, re-checked slowly).
"""

from __future__ import annotations

from typing import Final

# The desired state holds.
AS_DECLARED: Final = "AsDeclared"
OBSERVE_ONLY: Final = "ObserveOnly"
DONE: Final = frozenset({AS_DECLARED, OBSERVE_ONLY})

# The operator works, or waits for something that ends by itself.
SCALING_OUT: Final = "ScalingOut"
CONFIRMING: Final = "ConfirmingOutcome"
VERIFYING: Final = "Verifying"
PAUSED: Final = "Paused"
INSTANCE_BUSY: Final = "InstanceBusy"
NODES_UNHEALTHY: Final = "NodesUnhealthy"
DATA_NODES_NOT_READY: Final = "DataNodesNotReady"
SCHEMA_EXPANDING: Final = "SchemaExpanding"
FLAVOR_SOLD_OUT: Final = "FlavorSoldOut"
SETTLING: Final = "Settling"
RETRYING: Final = "Retrying"
CLOUD_UNREACHABLE: Final = "CloudUnreachable"
CLOUD_INTERNAL_ERROR: Final = "CloudInternalError"
CLOUD_ANSWER_UNREADABLE: Final = "CloudAnswerUnreadable"
THROTTLED: Final = "Throttled"
HEALING: Final = frozenset(
    {
        SCALING_OUT,
        CONFIRMING,
        VERIFYING,
        PAUSED,
        INSTANCE_BUSY,
        NODES_UNHEALTHY,
        DATA_NODES_NOT_READY,
        SCHEMA_EXPANDING,
        FLAVOR_SOLD_OUT,
        SETTLING,
        RETRYING,
        CLOUD_UNREACHABLE,
        CLOUD_INTERNAL_ERROR,
        CLOUD_ANSWER_UNREADABLE,
        THROTTLED,
    }
)
UNSURE: Final = frozenset({CLOUD_UNREACHABLE, CLOUD_INTERNAL_ERROR, CLOUD_ANSWER_UNREADABLE, THROTTLED})
"""Nothing could be observed: Ready is Unknown, not False."""

# A person has to act.
OUTCOME_UNKNOWN: Final = "OutcomeUnknown"
OPERATION_OVERDUE: Final = "OperationOverdue"
OPERATION_ABANDONED: Final = "OperationAbandoned"
OPERATION_NOT_UNDERSTOOD: Final = "OperationNotUnderstood"
SCALE_OUT_FAILED: Final = "ScaleOutFailed"
SCALE_OUT_PARTIAL: Final = "ScaleOutPartial"
NODES_FAILED: Final = "NodesFailed"
SCALE_IN_FORBIDDEN: Final = "ScaleInForbidden"
INSTANCE_CLAIMED: Final = "InstanceClaimed"
INSTANCE_NOT_FOUND: Final = "InstanceNotFound"
INSTANCE_FROZEN: Final = "InstanceFrozen"
INSTANCE_FAULTY: Final = "InstanceFaulty"
GROUP_NOT_FOUND: Final = "GroupNotFound"
GROUP_REQUIRED: Final = "GroupRequired"
NODE_LIMIT_EXCEEDED: Final = "NodeLimitExceeded"
STEP_TOO_LARGE: Final = "StepTooLarge"
YEARLY_MONTHLY: Final = "YearlyMonthlyInstance"
FLAVOR_NOT_USABLE: Final = "FlavorNotUsable"
FLAVOR_AMBIGUOUS: Final = "FlavorAmbiguous"
QUOTA_EXCEEDED: Final = "QuotaExceeded"
REQUEST_INVALID: Final = "RequestInvalid"
REQUEST_REFUSED: Final = "RequestRefused"
INVALID_SPEC: Final = "InvalidSpec"
STATUS_REFUSED: Final = "StatusRefused"
CREDENTIALS_MISSING: Final = "CredentialsMissing"
CREDENTIALS_REJECTED: Final = "CredentialsRejected"
PERMISSION_DENIED: Final = "PermissionDenied"
PROJECT_NOT_FOUND: Final = "ProjectNotFound"
ENDPOINT_NOT_FOUND: Final = "EndpointNotFound"
STALLING: Final = frozenset(
    {
        OUTCOME_UNKNOWN,
        OPERATION_OVERDUE,
        OPERATION_ABANDONED,
        OPERATION_NOT_UNDERSTOOD,
        SCALE_OUT_FAILED,
        SCALE_OUT_PARTIAL,
        NODES_FAILED,
        SCALE_IN_FORBIDDEN,
        INSTANCE_CLAIMED,
        INSTANCE_NOT_FOUND,
        INSTANCE_FROZEN,
        INSTANCE_FAULTY,
        GROUP_NOT_FOUND,
        GROUP_REQUIRED,
        NODE_LIMIT_EXCEEDED,
        STEP_TOO_LARGE,
        YEARLY_MONTHLY,
        FLAVOR_NOT_USABLE,
        FLAVOR_AMBIGUOUS,
        QUOTA_EXCEEDED,
        REQUEST_INVALID,
        REQUEST_REFUSED,
        INVALID_SPEC,
        STATUS_REFUSED,
        CREDENTIALS_MISSING,
        CREDENTIALS_REJECTED,
        PERMISSION_DENIED,
        PROJECT_NOT_FOUND,
        ENDPOINT_NOT_FOUND,
    }
)

# Whether the instance serves; reasons of the condition Available only, beside INSTANCE_NOT_FOUND.
SERVING: Final = "Serving"
NOT_SERVING: Final = "NotServing"
STATUS_UNKNOWN: Final = "StatusUnknown"
AVAILABLE_REASONS: Final = frozenset({SERVING, NOT_SERVING, STATUS_UNKNOWN})

# Why an operation was closed; kept in ``status.operation.reason``. What the cloud refused has a condition's reason.
NOT_SENT: Final = "NotSent"
NEVER_EXECUTED: Final = "NeverExecuted"
RESOLVED: Final = "ResolvedByUser"
JOB_FAILED: Final = "JobFailed"
PARTIAL: Final = "Partial"
OPERATION_REASONS: Final = frozenset({NOT_SENT, NEVER_EXECUTED, RESOLVED, JOB_FAILED, PARTIAL})

CONDITION_REASONS: Final = DONE | HEALING | STALLING
"""Every reason that Ready, Reconciling and Stalled may carry."""
