"""Events, as they are published and as they arrive."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: The types of an execution's last event.
FINAL_TYPES = frozenset({"complete", "failed", "workflow_complete", "workflow_failed"})


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event to be published (docs/producing.md).

    It has an id from the beginning, so that it can be sent again after a lost answer and is stored once. Choose the id yourself where the
    event may be published again by another process, such as `inc_1/created`.
    """

    #: Lower-case words joined by dots, such as `incident.created`; a single word for an execution's events.
    type: str
    #: One JSON object, at most 256 KiB.
    payload: Mapping[str, Any] = field(default_factory=dict)
    #: The only recipient; None for everybody in the tenant.
    user: str | None = None
    #: The token's tenant, unless given; only tokens with the role `producer` may name another.
    tenant: str | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    #: When it happened, with an offset; None for the time at which it is stored.
    time: datetime | None = None

    def body(self) -> dict[str, Any]:
        """The form in which it is sent."""
        if self.time is not None and self.time.tzinfo is None:
            raise ValueError("the time of an event needs an offset from UTC, such as datetime.now(UTC)")
        time = None if self.time is None else self.time.isoformat()
        members = {"type": self.type, "id": self.id, "tenant": self.tenant, "user": self.user, "time": time, "payload": dict(self.payload)}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True)
class Event:
    """An event of the tenant."""

    #: Its id, which is the cursor behind it. Ids are opaque.
    id: str
    type: str
    #: The payload as it was published.
    payload: dict[str, Any]
    #: When it happened, or was stored.
    time: datetime


@dataclass(frozen=True)
class ExecutionEvent:
    """An event of an execution of an agent or a workflow."""

    #: Its number; numbers of one name are never used again.
    number: int
    type: str
    #: The payload as it was published.
    payload: dict[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether it is the last one of its execution."""
        return self.type in FINAL_TYPES


@dataclass(frozen=True)
class Gap:
    """Events are missing here: reload your state from its source, and continue.

    `reason`: `expired` (the log does not keep them any more; those from `missed_before` on follow) or `unknown_cursor` (the cursor is not
    of this log, which was recreated or restored; new events follow).
    """

    reason: str
    missed_before: str | None = None
