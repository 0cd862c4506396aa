"""Approvals (docs/approvals.md): ask, wait, consume the permit, decide."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from ._transport import Transport
from .canonical import action_digest
from .errors import Denied, StillPending
from .events import Event, NewEvent
from .following import EventStream

Status = Literal["pending", "approved", "rejected", "expired"]
#: Seconds between two looks at the record: at first, at last without a stream, and with one, which says when to look.
_FIRST_LOOK, _LONGEST_LOOK, _LOOK_BESIDE_STREAM = 1.0, 10.0, 60.0


@dataclass(frozen=True)
class Approval:
    """The record of an approval. `raw` has every member of the server's answer (contract §12)."""

    approval_id: str
    status: Status
    remediation_id: str
    title: str | None
    action: Any
    #: The server's digest of the action: for showing. Consume with the digest of the action that will be executed.
    action_digest: str | None
    expires_at: str | None
    #: `action`, `decidedBy`, `decidedAt` and more; None while it is pending.
    decision: Mapping[str, Any] | None
    raw: Mapping[str, Any]

    @classmethod
    def _of(cls, raw: Mapping[str, Any]) -> Approval:
        return cls(
            raw["approvalId"], raw["status"], raw["remediationId"], raw.get("title"), raw.get("action"), raw.get("actionDigest"),
            raw.get("expiresAt"), raw.get("decision"), raw,
        )  # fmt: skip


@dataclass(frozen=True)
class Permit:
    """The permit to execute the action once. `raw` has every member of the server's answer."""

    approval_id: str
    action_digest: str | None
    consumed_by: str
    consumed_at: datetime
    raw: Mapping[str, Any]


class Approvals:
    """The approvals of a tenant: `Causeway.approvals`."""

    def __init__(self, transport: Transport, *, patience: float, silence: float):
        self._transport, self._patience, self._silence = transport, patience, silence

    async def request(
        self,
        approval_id: str,
        *,
        remediation_id: str,
        title: str | None = None,
        description: str | None = None,
        action: Any = None,
        risk: Literal["low", "medium", "high", "critical"] | None = None,
        expires_at: datetime | None = None,
        requested_by: str | None = None,
        four_eyes: bool = False,
        groups: Sequence[Mapping[str, Any]] = (),
        escalation: Sequence[Mapping[str, Any]] = (),
        incident_id: str | None = None,
        user: str | None = None,
        tenant: str | None = None,
    ) -> str:
        """Requests an approval, and returns the id of its event once it is recorded. Needs the role `producer` or `admin`.

        The same request again is harmless while it is pending; another one with the same `approval_id` raises Conflict. Give it an
        `expires_at`: without one it can be approved months later. `user` makes it private; `groups` and `escalation` are policies
        (docs/approvals.md#policies).
        """
        if expires_at is not None and expires_at.tzinfo is None:
            raise ValueError("expires_at needs an offset from UTC, such as datetime.now(UTC)")
        if action is not None:
            # Here, where it is written, rather than when somebody has approved it.
            action_digest(action)
        payload = {
            "approvalId": approval_id, "remediationId": remediation_id, "incidentId": incident_id, "title": title, "description": description,
            "action": action, "risk": risk, "expiresAt": None if expires_at is None else expires_at.isoformat(), "requestedBy": requested_by,
            "fourEyes": four_eyes or None, "groups": list(groups) or None, "escalation": list(escalation) or None,
        }  # fmt: skip
        payload = {name: value for name, value in payload.items() if value is not None}
        event = NewEvent(type="approval.requested", payload=payload, user=user, tenant=tenant).body()
        # Without an id the same content is recognised for as long as the approval is pending, and by its key a repetition when it is
        # decided already.
        del event["id"]
        answer = await self._transport.call("POST", "/v1/events", json_body=event, key=uuid.uuid4().hex, patience=self._patience)
        return str(answer["ids"][0])

    async def get(self, approval_id: str) -> Approval:
        """The record of an approval. NotFound also for those that the token's user must not see."""
        return Approval._of(await self._transport.call("GET", _path(approval_id), patience=self._patience))

    async def pending(self) -> list[Approval]:
        """All pending approvals that the token's user sees, the next to expire first; without description, action and history."""
        found: list[Approval] = []
        query = {"status": "pending", "sort": "deadline", "limit": "200"}
        while True:
            page = await self._transport.call("GET", "/v1/notifications/approvals", query=query, patience=self._patience)
            found += map(Approval._of, page["items"])
            if page["nextCursor"] is None:
                return found
            query = query | {"cursor": page["nextCursor"]}

    async def wait(self, approval_id: str, *, timeout: float | None = None, by: Literal["polling", "stream"] = "polling") -> Approval:
        """Waits until somebody has decided, or nobody in time, and returns the record. Raises StillPending after `timeout` seconds.

        `stream` looks when an event says so, at once; it needs a token with the role `member` or `admin`, and a connection. `polling` looks
        every 1 to 10 s. The record says what was decided, in both cases.
        """
        if (approval := await self.get(approval_id)).status != "pending":
            return approval
        try:
            async with asyncio.timeout(timeout):
                return await (self._watch(approval_id) if by == "stream" else self._poll(approval_id))
        except TimeoutError:
            raise StillPending(f"{approval_id} is still pending: wait again, or execute nothing") from None

    async def _poll(self, approval_id: str) -> Approval:
        timing, pause = self._transport.timing, _FIRST_LOOK
        while True:
            await timing.sleep(pause * (0.75 + 0.25 * timing.chance()))
            if (approval := await self.get(approval_id)).status != "pending":
                return approval
            pause = min(_LONGEST_LOOK, pause * 1.3)

    async def _watch(self, approval_id: str) -> Approval:
        query = {"types": "approval.resolved"}
        async with EventStream(self._transport, query, after=None, store=None, silence=self._silence) as stream:
            # Before the look at the record, so that no decision falls between the two.
            await stream.opened()
            while (approval := await self.get(approval_id)).status == "pending":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(_event_about(stream, approval_id), _LOOK_BESIDE_STREAM)
            return approval

    async def consume(self, approval_id: str, action: Any = None, *, key: str | None = None) -> Permit:
        """Takes the permit to execute exactly this action, whose digest is computed here. Act only if it returns, and once.

        Raises NotApproved, AlreadyConsumed, or Conflict if another action was approved. `action` is None for a request without one. `key`:
        the Idempotency-Key, new for each call unless given; keep one beside the action to take the same permit again after a crash.
        """
        body = {} if action is None else {"actionDigest": action_digest(action)}
        raw = await self._transport.call(
            "POST", f"{_path(approval_id)}/consume", json_body=body, key=uuid.uuid4().hex if key is None else key, patience=self._patience
        )
        return Permit(raw["approvalId"], raw.get("actionDigest"), raw["consumedBy"], datetime.fromisoformat(raw["consumedAt"]), raw)

    async def permit(
        self, approval_id: str, action: Any, *, timeout: float | None = None, by: Literal["polling", "stream"] = "polling", **request: Any
    ) -> Permit:
        """Asks, waits, and takes the permit: an executor's three steps before it acts. `request`: further arguments of `request`.

        Raises Denied for what was rejected or has expired, StillPending, and what the three raise. A process that crashed behind it does
        not know whether it acted: the permit is used up, and a person looks.
        """
        await self.request(approval_id, action=action, **request)
        approval = await self.wait(approval_id, timeout=timeout, by=by)
        if approval.status != "approved":
            raise Denied(approval)
        return await self.consume(approval_id, action)

    async def decide(
        self,
        approval_id: str,
        decision: Literal["approve", "reject"],
        *,
        reason: str | None = None,
        seen: Any = None,
        on_behalf_of: str | None = None,
        key: str | None = None,
    ) -> Mapping[str, Any]:
        """Decides, or votes if the request has groups; returns the server's answer, whose `status` says whether it is decided.

        `seen`: the action that the person has seen; Conflict if the request has another. Raises AlreadyResolved, AlreadyVoted, Forbidden
        and Expired.
        """
        body = {
            "action": decision,
            "reason": reason,
            "actionDigest": None if seen is None else action_digest(seen),
            "onBehalfOf": on_behalf_of,
        }
        body = {name: value for name, value in body.items() if value is not None}
        answer = await self._transport.call(
            "POST", _path(approval_id), json_body=body, key=uuid.uuid4().hex if key is None else key, patience=self._patience
        )
        return dict(answer)


def _path(approval_id: str) -> str:
    return f"/v1/notifications/approvals/{quote(approval_id, safe='')}"


async def _event_about(stream: EventStream, approval_id: str) -> None:
    """Returns after an event that names the approval, or a gap in which there may be one."""
    async for item in stream:
        if not isinstance(item, Event) or item.payload.get("approvalId") == approval_id:
            return
