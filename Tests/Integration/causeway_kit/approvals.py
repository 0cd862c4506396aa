"""Clients of approvals and of the notification list: REST over HTTP (contract §7, §8)."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import httpx

from .tokens import mint

_numbers = itertools.count(1)


def approval_service(stack, name=None, **settings):
    """Starts a further replica of the approval API with a separate read model; does not wait for it."""
    name = name or f"model-{next(_numbers)}"
    settings = {"database_file": stack.directory / f"{name}.sqlite"} | settings
    return stack.start("approval-api", **settings)


def approval_services(stack, count, **settings):
    """Starts several replicas and waits until they are ready."""
    started = [approval_service(stack, **settings) for _ in range(count)]
    return [service.wait_ready() for service in started]


def timestamp(seconds_from_now):
    return (datetime.now(UTC) + timedelta(seconds=seconds_from_now)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def requested(approval, tenant="acme", **payload):
    """An `approval.requested` in the intake's native form."""
    payload = {
        "approvalId": approval,
        "remediationId": f"rem_{approval}",
        "incidentId": f"inc_{approval}",
        "title": "Restart the checkout service",
    } | payload
    payload = {name: value for name, value in payload.items() if value is not None}
    return {"type": "approval.requested", "tenant": tenant, "id": f"request-{approval}", "payload": payload}


class ApprovalClient:
    """A user with a token, at one replica."""

    def __init__(self, service, tenant="acme", user="usr_1", roles=("admin",), client=None):
        self.service = service
        self.token = mint(tenant, user, roles)
        self.client = client or httpx.Client(timeout=15)

    def send(self, method, path, *, json=None, headers=None, token=None, **arguments):
        fields = {"Authorization": f"Bearer {token or self.token}"} | (headers or {})
        return self.client.request(method, self.service.url + path, json=json, headers=fields, **arguments)

    def decide(self, approval, action="approve", *, key=None, **members):
        headers = {"Idempotency-Key": key} if key else {}
        return self.send("POST", f"/v1/notifications/approvals/{approval}", json={"action": action} | members, headers=headers)

    def approval(self, approval):
        return self.send("GET", f"/v1/notifications/approvals/{approval}")

    def approvals(self, **query):
        return self.send("GET", "/v1/notifications/approvals", params=query)

    def notifications(self, **query):
        return self.send("GET", "/v1/notifications", params=query)

    def mark_read(self, notification):
        return self.send("PATCH", f"/v1/notifications/{notification}/read")

    def mark_all_read(self, cursor):
        return self.send("POST", "/v1/notifications/read", json={"cursor": cursor})

    def pages(self, path, **query):
        """Returns every item of a list, over all pages."""
        items, cursor = [], None
        while True:
            answer = self.send("GET", path, params=query | ({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
            items += answer.json()["items"]
            cursor = answer.json()["nextCursor"]
            if cursor is None:
                return items


def error_of(response):
    """Returns status and code of an error response, and checks its form (contract §1)."""
    body = response.json()
    assert response.headers["content-type"] == "application/json", response.headers
    assert set(body) == {"error", "message"}, body
    assert body["message"].strip(), "an error without a sentence"
    assert response.headers["x-request-id"], "an answer without a request id"
    return response.status_code, body["error"]


class DecisionLog:
    """The approvals according to the log: the oracle for the service."""

    _EFFECTS = {"approve": "remediation.approved", "reject": "remediation.rejected", "expire": "remediation.rejected"}

    def __init__(self, stack):
        self.resolved, self.effects = {}, {}
        for event in stack.bus.events():
            body = json.loads(event.body)
            if event.type == "approval.resolved":
                self.resolved.setdefault((event.tenant, body.get("approvalId")), []).append(body)
            elif event.type in ("remediation.approved", "remediation.rejected"):
                self.effects.setdefault((event.tenant, body.get("approvalId")), []).append((event.type, body))

    def expect_one(self, approval, tenant="acme"):
        """Returns the decision about an approval, after checking that there is exactly one decision and one effect."""
        resolved = self.resolved.get((tenant, approval), [])
        effects = self.effects.get((tenant, approval), [])
        assert len(resolved) == 1, f"{approval}: {len(resolved)} decisions in the log: {resolved}"
        assert len(effects) == 1, f"{approval}: {len(effects)} effects in the log: {effects}"
        decision, (type, effect) = resolved[0], effects[0]
        assert type == self._EFFECTS[decision["action"]], f"{decision} entailed {type}"
        for name in ("remediationId", "incidentId", "decidedBy", "decidedAt"):
            assert effect.get(name) == decision.get(name), f"{name} differs: {decision}, {effect}"
        return decision

    def has_one(self, approval, tenant="acme"):
        """Whether the log has a decision and its effect."""
        return bool(self.resolved.get((tenant, approval))) and bool(self.effects.get((tenant, approval)))
