"""Each tenant has its share of common resources (contract §10): beyond it 429 with Retry-After, without effect on other tenants."""

import json
import re

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, error_of, requested
from causeway_kit.cursors import Cursor
from causeway_kit.intake import Intake, numbered
from causeway_kit.relay import RelayClient
from causeway_kit.services import command, is_built
from causeway_kit.subjects import token
from causeway_kit.tokens import SECRET, mint


def defaults(*program):
    done = command(*program, "--print-config", auth_hs256_secret=SECRET)
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("program", "shares"),
    [
        (("event-producer", "serve"), {"intake.events.per.second": "1000", "intake.bytes.per.second": "4MiB"}),
        (("approval-api",), {"rate.limit": "6000", "rate.burst": "1000"}),
        (("webhook-dispatcher",), {"webhooks.per.tenant": "100", "rate.limit": "6000", "rate.burst": "1000"}),
        (("jsonrpc-relay",), {"commands.per.second": "100"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_shares_are_on_by_default(program, shares):
    printed = defaults(*program)
    for key, value in shares.items():
        assert re.search(rf"(?m)^{re.escape(key)}\b.*\b{re.escape(value)}\b", printed), printed


def test_a_tenant_that_floods_the_intake_is_told_to_wait_and_its_neighbour_is_not(shared, tenant):
    intake = Intake(shared.start("event-producer", "serve", intake_events_per_second=2, intake_bytes_per_second=0).wait_ready())
    try:
        url, other = f"{intake.service.url}/v1/events", f"{tenant}-neighbour"
        events = [numbered(n, tenant) for n in range(20)]

        def post(body, of):
            return httpx.post(url, json=body, headers={"Authorization": f"Bearer {mint(of, roles=['admin'])}"}, timeout=10)

        assert post(events, tenant).status_code == 202
        refused = post(events, tenant)
        assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited"), refused.text
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
        assert post([numbered(0, other)], other).status_code == 202
        samples = intake.service.metrics()
        assert samples[f'causeway_intake_tenant_events{{tenant="{tenant}"}}'] >= 20
        assert samples['causeway_intake_refused_total{reason="rate_limited"}'] == 1
        assert samples["causeway_intake_tenant_events_others"] == 0
    finally:
        intake.close()


@pytest.mark.skipif(not is_built("jsonrpc-relay"), reason="jsonrpc-relay is not built")
def test_a_tenant_has_its_share_of_commands(shared, tenant):
    relay = shared.edge("jsonrpc-relay", commands_per_second=1)
    client, neighbour = RelayClient(relay, mint(tenant)), RelayClient(relay, mint(f"{tenant}-neighbour"))
    try:
        codes = [client.call("nobody.listens")["error"]["code"] for _ in range(20)]
        assert codes[0] == -32601 and codes[-1] == -32005, codes
        assert neighbour.call("nobody.listens")["error"]["code"] == -32601
    finally:
        client.close()
        neighbour.close()


@pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")
def test_requests_are_counted_by_tenant(shared, tenant):
    # A minute until the next one is allowed: a loaded machine may take seconds for five requests.
    service = approval_service(shared, rate_limit=1, rate_burst=3).wait_ready()
    headers = {"Authorization": f"Bearer {mint(tenant)}"}
    statuses = [httpx.get(f"{service.url}/v1/notifications", headers=headers, timeout=10).status_code for _ in range(5)]
    assert statuses[0] == 200 and statuses[-1] == 429, statuses
    assert service.metrics()[f'causeway_approval_tenant_requests{{tenant="{tenant}"}}'] == 5


@pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")
def test_a_tenant_has_its_share_of_the_read_marks(stack):
    """`INBOX` drops its oldest marks when it is full: one tenant's may fill a quarter of it."""
    service = approval_service(stack, event_log_max_bytes="16MiB").wait_ready()
    acme, globex = ApprovalClient(service), ApprovalClient(service, "globex")
    stack.intake.publish(*[requested(f"apr_{n}", tenant) for n in range(3) for tenant in ("acme", "globex")])
    newest, middle, oldest = (item["notificationId"] for item in acme.notifications().json()["items"])
    assert acme.mark_read(oldest).status_code == 200
    place = Cursor.parse("evt_" + oldest.removeprefix("ntf_"))
    subject = f"inbox.{token('acme')}.usr_2"
    body = json.dumps({"epoch": place.epoch, "sequence": place.sequence, "intake": place.time, "at": place.time}, separators=(",", ":")).encode()
    before = stack.bus.state("INBOX").bytes
    stack.bus.publish(subject, body)
    size = stack.bus.state("INBOX").bytes - before
    assert size == 30 + len(subject) + len(body), "what a mark takes is what approval-api counts"
    for _ in range((1 << 18) // size):
        stack.bus.publish(subject, body)
    refused = acme.mark_read(middle)
    assert error_of(refused) == (429, "rate_limited"), refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert str(1 << 18) in refused.json()["message"] and "POST /v1/notifications/read" in refused.json()["message"]
    assert acme.mark_read(oldest).status_code == 200, "what is marked needs no mark"
    # Another tenant is not affected, and all can be marked as read with one request.
    assert globex.mark_read(globex.notifications().json()["items"][0]["notificationId"]).status_code == 200
    assert acme.mark_all_read(newest).json() == {"unreadCount": 0}
    for _ in range((1 << 15) // size):
        stack.bus.publish(subject, body)
    stack.intake.publish(requested("apr_9"))
    newest = acme.notifications().json()["items"][0]["notificationId"]
    assert error_of(acme.mark_all_read(newest)) == (429, "rate_limited"), "the reserve has an end"
    stack.bus.purge_stream("INBOX", before=stack.bus.state("INBOX").last_seq)
    assert acme.mark_all_read(newest).json() == {"unreadCount": 0}
