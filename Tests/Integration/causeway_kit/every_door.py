"""All doors, as parameters of tests."""

import pytest

from .event_doors import (
    BatchedEvents,
    BinaryEvents,
    BusEvents,
    CommandLineEvents,
    LineEvents,
    NativeEvents,
    StructuredEvents,
    UnencodedBinaryEvents,
)
from .execution_doors import ExecutionBody, ExecutionCommand, ExecutionMessages, ExecutionStreamPath, ExecutionStreamQuery
from .json_doors import JSON_DOORS
from .long_poll import LongPoll
from .number_doors import (
    RPCID,
    SPELLINGS,
    BusNumber,
    CommandNumber,
    ContentLength,
    EventPath,
    ExecutionCursor,
    ExecutionPayloadNumber,
    FrameLength,
    IntakeTime,
    ListCursor,
    MarkAll,
    MarkOne,
    PageLimit,
    PayloadNumber,
    PollParameter,
    Setting,
    StreamCursor,
    TokenNumber,
    WaitParameter,
    relay_connection,
    workspace_connection,
)
from .question_doors import TOKENS, ApprovalPath, RelayParams, TenantHeader, TokenCommand, WebhookUser, WorkspaceQuery
from .relay import Relay
from .security_event_doors import SecurityEventNumber, SecurityEventPart, SecurityEventSubject
from .surfaces import NotificationStream
from .token_doors import TOKEN_DOORS
from .workspace import WorkspaceStream

APPROVALS, NOTIFICATIONS = "/v1/notifications/approvals", "/v1/notifications"

#: Every door that takes identifiers.
DOORS = [
    NativeEvents(), StructuredEvents(), BatchedEvents(), BinaryEvents(), UnencodedBinaryEvents(), BusEvents(), CommandLineEvents(),
    LineEvents(), ExecutionBody(), ExecutionMessages(), ExecutionCommand(), ExecutionStreamPath(), ExecutionStreamQuery(), *TOKENS,
    WorkspaceQuery(), TenantHeader(), RelayParams(), ApprovalPath(), TokenCommand(), SecurityEventSubject(), WebhookUser(),
]  # fmt: skip

#: Every door that takes numbers.
NUMBER_DOORS = [
    PageLimit(APPROVALS), PageLimit(NOTIFICATIONS), PageLimit("/v1/webhooks", "webhooks", "admin"),
    ListCursor(APPROVALS, "evt_"), ListCursor(NOTIFICATIONS, "ntf_"), ListCursor(NOTIFICATIONS, "evt_"), MarkOne(), MarkAll(), EventPath(),
    StreamCursor(NotificationStream(), lambda world: world.sse), StreamCursor(WorkspaceStream(), lambda world: world.workspace),
    StreamCursor(Relay(), lambda world: world.relay), StreamCursor(LongPoll(), lambda world: world.sse),
    *(ExecutionCursor(spelling) for spelling in ("header", *SPELLINGS)),
    *(BusNumber(f"causeway-{what}") for what in ("number", "first", "start", "intake")), IntakeTime(),
    *(TokenNumber(claim) for claim in ("exp", "nbf", "iat")), *(SecurityEventNumber(name) for name in ("iat", "event_timestamp")),
    WaitParameter(), PollParameter("limit", 1000), PollParameter("wait", 60), RPCID(), PayloadNumber(), ExecutionPayloadNumber(),
    ContentLength("intake", lambda world: world.producer, "/v1/events"),
    ContentLength("notification list", lambda world: world.approvals, "/v1/notifications/read"),
    FrameLength("workspace stream", workspace_connection), FrameLength("relay", relay_connection),
    *(Setting(key) for key in ("http_port", "max_connections", "heartbeat_interval", "event_log_max_bytes")),
    CommandNumber("causeway", "token", "--tenant=t", "--user=u", option="--expires-in"),
    *(CommandNumber("event-producer", "simulate", "--count=1", option=option) for option in ("--seed", "--rate")),
]  # fmt: skip


def slug(text):
    return "".join(character if character.isalnum() else "-" for character in text)


#: Marks a test of every identifier at every door that takes it.
at_every_door = pytest.mark.parametrize(
    "door, identifier",
    [pytest.param(door, identifier, id=slug(f"{door.name}-{identifier}")) for door in DOORS for identifier in door.takes],
)

at_every_number_door = pytest.mark.parametrize("door", NUMBER_DOORS, ids=lambda door: slug(door.name))
at_every_json_door = pytest.mark.parametrize(
    "door", [*JSON_DOORS, SecurityEventPart("claims"), SecurityEventPart("header")], ids=lambda door: slug(door.name)
)
at_every_token_door = pytest.mark.parametrize("door", TOKEN_DOORS, ids=lambda door: slug(door.name))
