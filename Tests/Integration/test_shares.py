"""Each tenant has its share of what all use (contract §10): beyond it 429 with Retry-After, and nobody else notices."""

import re

import httpx
import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.intake import Intake, numbered
from causeway_kit.relay import RelayClient
from causeway_kit.services import command, is_built
from causeway_kit.tokens import SECRET, mint


def defaults(*program):
    done = command(*program, "--print-config", auth_hs256_secret=SECRET)
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("program", "shares"),
    [
        (("event-producer", "serve"), {"intake.events.per.second": "1000", "intake.bytes.per.second": "4MiB"}),
        (("approval-api",), {"rate.limit": "6000", "rate.burst": "1000"}),
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
