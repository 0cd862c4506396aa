"""The Python client of Causeway: publish and follow events, approvals that bind, executions, webhooks (docs/python-client.md)."""

from . import webhooks
from ._timing import Backoff
from .approvals import Approval, Approvals, Permit
from .canonical import action_digest, canonical
from .client import Causeway
from .cursors import CursorStore, FileCursor
from .errors import (
    AlreadyConsumed,
    AlreadyResolved,
    AlreadyVoted,
    CausewayError,
    Conflict,
    Denied,
    Expired,
    Forbidden,
    InvalidRequest,
    NotApproved,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    StillPending,
    TokenFailed,
    Unauthorized,
    Unavailable,
    Undelivered,
    UnexpectedAnswer,
    Unreachable,
    WebhookRefused,
)
from .events import FINAL_TYPES, Event, ExecutionEvent, Gap, NewEvent
from .following import EventStream, ExecutionStream, State
from .publishing import Publisher

__all__ = [
    "FINAL_TYPES",
    "AlreadyConsumed",
    "AlreadyResolved",
    "AlreadyVoted",
    "Approval",
    "Approvals",
    "Backoff",
    "Causeway",
    "CausewayError",
    "Conflict",
    "CursorStore",
    "Denied",
    "Event",
    "EventStream",
    "ExecutionEvent",
    "ExecutionStream",
    "Expired",
    "FileCursor",
    "Forbidden",
    "Gap",
    "InvalidRequest",
    "NewEvent",
    "NotApproved",
    "NotFound",
    "Permit",
    "Publisher",
    "RateLimited",
    "Refused",
    "ServerFailed",
    "State",
    "StillPending",
    "TokenFailed",
    "Unauthorized",
    "Unavailable",
    "Undelivered",
    "UnexpectedAnswer",
    "Unreachable",
    "WebhookRefused",
    "action_digest",
    "canonical",
    "webhooks",
]
