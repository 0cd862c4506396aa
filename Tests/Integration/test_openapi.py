"""The services match docs/openapi.yaml: schemathesis generates requests from it and checks every response against it."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.services import ROOT
from causeway_kit.sizes import size
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint

DESCRIPTION = ROOT / "docs" / "openapi.yaml"

# What a schema cannot say: that a cursor is of this log, and that an approval is still open. And methods that no standard has
# (QUERY) are 404 here, the others 405, which test_approvals.py looks at.
_UNSAYABLE = "positive_data_acceptance,unsupported_method"


@pytest.fixture(scope="module")
def service(shared):
    return approval_service(shared).wait_ready()


def hold_against_description(service, directory, token, *selection, description=DESCRIPTION):
    """Runs schemathesis, bounded and with a fixed seed, against the description."""
    program = Path(sys.executable).with_name("schemathesis")
    arguments = [
        *(program, "run", description, "--url", service.url, *selection),
        *("--header", f"Authorization: Bearer {token}", "--max-examples", size(20, 200), "--seed", 1),
        *("--phases", "examples,coverage,fuzzing", "--exclude-checks", _UNSAYABLE, "--generation-database", "none"),
        *("--suppress-health-check", "all", "--no-color", "--request-timeout", 20, "--warnings", "off"),
    ]
    # A body may be too large before it is anything else.
    rejections = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
    (directory / "schemathesis.toml").write_text(f"[checks.negative_data_rejection]\nexpected-statuses = {rejections}\n")
    # It reads that file, and leaves a cache, where it runs.
    run = subprocess.run([str(argument) for argument in arguments], cwd=directory, capture_output=True, text=True, timeout=size(170, 900))
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


@pytest.mark.long
@pytest.mark.timeout(size(180, 1000))
def test_approvals_and_notifications_are_as_described(shared, service):
    approvals = ["apr_01HX9VTPQR3KF8MZWBYD5N6JCE", "a", "0", "open", "late"]
    shared.intake.publish(*[requested(name, "described", **({"requestedBy": "planner"} if name == "a" else {})) for name in approvals])
    shared.intake.publish(requested("gone", "described", expiresAt="2020-01-01T00:00:00Z"))
    admin = ApprovalClient(service, "described", user="usr_admin")
    assert admin.decide("open", reason="before").status_code == 200
    policy = {
        "action": {"tool": "scale", "replicas": 8},
        "risk": "high",
        "groups": [{"name": "admins", "roles": ["admin"], "n": 2}, {"name": "dba", "users": ["dan"]}],
        "escalation": [{"after": "1h", "groups": [{"name": "managers", "roles": ["manager"]}]}],
    }
    shared.intake.publish(requested("voted", "described", **policy))
    assert admin.decide("voted").json()["status"] == "pending"
    for item in admin.notifications().json()["items"][::2]:
        assert admin.mark_read(item["notificationId"]).status_code == 200
    selection = ("--include-path-regex", "^/v1/(notifications|approvals)", "--include-path", "/openapi.json")
    hold_against_description(service, shared.directory, admin.token, *selection)


@pytest.mark.long
@pytest.mark.timeout(size(180, 1000))
def test_the_intake_is_as_described(shared):
    # GET /v1/events is sse-edge's, and waits: test_long_poll.py looks at it.
    description = yaml.safe_load(DESCRIPTION.read_text())
    del description["paths"]["/v1/events"]["get"]
    file = shared.directory / "intake.openapi.json"
    file.write_text(json.dumps(description, default=str))
    selection = ("--include-path-regex", "^/v1/(events|executions)")
    hold_against_description(shared.producer, shared.directory, mint("described", roles=("admin",)), *selection, description=file)


@pytest.mark.long
@pytest.mark.timeout(size(180, 1000))
def test_the_relays_status_is_as_described(shared):
    relay = shared.shared_edge_of("jsonrpc-relay")
    hold_against_description(relay, shared.directory, mint("described"), "--include-path", "/v1/relay/status")


@pytest.mark.long
@pytest.mark.timeout(size(180, 1000))
def test_what_admins_see_is_as_described(shared, edge, service):
    with SSEConnection(edge.url + NotificationStream.path, token=mint("described")):
        hold_against_description(service, shared.directory, mint("described", roles=("admin",)), "--include-path-regex", "^/v1/admin")


@pytest.mark.long
@pytest.mark.timeout(size(180, 1000))
def test_webhooks_are_as_described(shared):
    webhooks = shared.start("webhook-dispatcher").wait_ready()
    token = mint("described", roles=("admin",))
    # Nobody listens at port 1100: attempts end at once, and no name has to be looked up.
    url = "http://127.0.0.1:1100/"
    made = httpx.post(webhooks.url + "/v1/webhooks", json={"url": url, "types": ["a.b"]}, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert made.status_code == 201, made.text
    description = yaml.safe_load(DESCRIPTION.read_text())
    for path, operations in description["paths"].items():
        if "{webhookId}" in path:
            operations["parameters"][0]["example"] = made.json()["id"]
    examples = description["paths"]["/v1/webhooks"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    examples["endpoint"]["value"]["url"] = url
    file = shared.directory / "webhooks.openapi.json"
    file.write_text(json.dumps(description, default=str))
    hold_against_description(webhooks, shared.directory, token, "--include-path-regex", "^/v1/webhooks", description=file)


def test_the_description_is_served_to_anybody(service):
    answer = httpx.get(service.url + "/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/events",
        "/v1/events/{eventId}",
        "/v1/executions/agents/{name}/events",
        "/v1/executions/workflows/{id}/events",
        "/v1/notifications",
        "/v1/notifications/approvals",
        "/v1/notifications/approvals/{approvalId}",
        "/v1/notifications/approvals/{approvalId}/consume",
        "/v1/approvals/delegations",
        "/v1/approvals/delegations/{delegationId}",
        "/v1/tokens/revocations",
        "/v1/tokens/events",
        "/v1/tickets",
        *(f"/v1/admin/{what}" for what in ("connections", "usage", "log")),
        "/v1/notifications/read",
        "/v1/notifications/{notificationId}/read",
        "/v1/webhooks",
        "/v1/webhooks/{webhookId}",
        *(f"/v1/webhooks/{{webhookId}}/{action}" for action in ("secret", "test", "replay", "resend", "enable", "attempts")),
        "/v1/relay/status",
        "/openapi.json",
    }
