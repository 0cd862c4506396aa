"""Spans from the intake to the socket, the webhook and the decision, as a collector gets them (docs/operating.md)."""

import secrets
from urllib.parse import quote

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.collector import Collector
from causeway_kit.cursors import Cursor
from causeway_kit.intake import Intake, numbered
from causeway_kit.services import is_built
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Receiver, WebhookClient, dispatchers

pytestmark = pytest.mark.skipif(not (is_built("approval-api") and is_built("webhook-dispatcher")), reason="a service is not built")

#: What the collector asks of every request.
AUTHORIZATION = f"Bearer {secrets.token_urlsafe(16)}, =%"


class Caller:
    """A caller with a trace of its own."""

    def __init__(self, *, sampled=True):
        self.trace, self.span = secrets.token_hex(16), secrets.token_hex(8)
        self.headers = {"traceparent": f"00-{self.trace}-{self.span}-{'01' if sampled else '00'}"}


@pytest.fixture(scope="module")
def collector():
    # The first two requests are refused, so that their spans come by a later attempt.
    with Collector(refusals=2, authorization=AUTHORIZATION) as own:
        yield own


@pytest.fixture(scope="module")
def deployment(collector):
    headers = f"Authorization={quote(AUTHORIZATION)}"
    with Stack(otel_exporter_otlp_endpoint=collector.url, otel_exporter_otlp_headers=headers) as own:
        yield own


@pytest.fixture(scope="module")
def stream(deployment):
    return deployment.edge()


def of_stored(deployment, id):
    """The stored `traceparent` of an event."""
    return deployment.bus.headers(Cursor.parse(id).sequence)["traceparent"]


def test_a_trace_goes_from_the_intake_to_the_socket_and_the_webhook(deployment, stream, collector, tenant):
    with Receiver() as receiver:
        hook = receiver.hook()
        endpoint = WebhookClient(dispatchers(deployment, 1)[0], tenant).created(hook)
        clients = [NotificationStream().connect(stream, mint(tenant, f"usr_{n}")) for n in range(3)]
        for client in clients:
            client.next()
        unsampled, caller = Caller(sampled=False), Caller()
        [first] = deployment.intake.post([numbered(1, tenant, prefix=tenant)], headers=unsampled.headers).json()["ids"]
        [id] = deployment.intake.post([numbered(2, tenant, prefix=tenant)], headers=caller.headers).json()["ids"]
        for client in clients:
            assert [client.next_event().id, client.next_event().id] == [first, id]
        [delivery] = [each for each in hook.wait_for(2) if each.id == id]
        spans = collector.wait_for(caller.trace, "POST /v1/events", "append events", "deliver event", "deliver webhook")
        for client in clients:
            client.close()
    request, append, to_sockets, to_webhook = spans

    assert [each.service for each in spans] == ["event-producer", "event-producer", "sse-edge", "webhook-dispatcher"]
    assert [each.kind for each in spans] == ["server", "producer", "consumer", "client"]
    assert [each.parent for each in spans] == [caller.span, request.id, append.id, append.id]
    assert all(0 < each.span.start_time_unix_nano <= each.span.end_time_unix_nano and not each.is_error for each in spans)
    assert len({each.resource["service.instance.id"] for each in spans}) == 3

    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/events",
        "http.response.status_code": 202,
        # The tenant of the producer's token.
        "causeway.tenant": "acme",
    }
    assert append.attributes == {"causeway.events": 1, "causeway.event.id": id, "causeway.tenant": tenant}
    event = {"causeway.event.id": id, "causeway.event.type": "load.tick", "causeway.tenant": tenant}
    assert to_sockets.attributes == event | {
        "causeway.connections": 3,
        "causeway.behind": 0,
        "causeway.event.bytes": len(deployment.bus.events()[-1].body),
    }
    assert to_webhook.attributes == event | {"causeway.webhook.id": endpoint["id"], "http.response.status_code": 204}

    # What is not sampled is propagated as it came, and has no span: each process has sent later ones.
    assert of_stored(deployment, first) == unsampled.headers["traceparent"] and collector.spans(unsampled.trace) == []
    assert of_stored(deployment, id) == f"00-{caller.trace}-{append.id}-01"
    assert delivery.headers["traceparent"] == f"00-{caller.trace}-{to_webhook.id}-01"

    producer = deployment.producer
    metrics = eventually(
        lambda: (found := producer.metrics())["causeway_spans_exported_total"] == 2 and found, "the accepted spans are counted"
    )
    assert metrics["causeway_spans_dropped_total"] == 0


def test_a_decision_is_a_span_above_the_deliveries_of_its_event(deployment, stream, collector, tenant):
    approvals, caller, approval = approval_service(deployment).wait_ready(), Caller(), f"app_{tenant}"
    deployment.intake.publish(requested(approval, tenant))
    answer = ApprovalClient(approvals, tenant).send(
        "POST", f"/v1/notifications/approvals/{approval}", json={"action": "approve"}, headers=caller.headers
    )
    assert answer.status_code == 200, answer.text
    route = "POST /v1/notifications/approvals/{approvalId}"
    request, decide = collector.wait_for(caller.trace, route, "decide approval")
    assert (decide.service, decide.kind, request.parent, decide.parent) == ("approval-api", "internal", caller.span, request.id)
    assert decide.attributes == {
        "causeway.approval.id": approval,
        "causeway.approval.action": "approve",
        "causeway.tenant": tenant,
        "causeway.outcome": "decided",
    }

    def delivered():
        return [each for each in collector.spans(caller.trace) if each.name == "deliver event"]

    eventually(lambda: len(delivered()) == 2, "the decision and its effect are delivered", timeout=60)
    assert {each.attributes["causeway.event.type"] for each in delivered()} == {"approval.resolved", "remediation.approved"}
    assert all(each.parent == decide.id and each.attributes["causeway.connections"] == 0 for each in delivered())


def test_requests_without_a_trace_begin_one_at_the_share_of_the_setting(collector, deployment, tenant):
    producer = deployment.start("event-producer", "serve", otel_traces_sampler_arg="1", otel_service_name="intake-eu").wait_ready()
    [id] = Intake(producer).publish(numbered(1, tenant, prefix=tenant))
    stored = of_stored(deployment, id)
    trace = stored.split("-")[1]
    request, append = collector.wait_for(trace, "POST /v1/events", "append events")
    assert request.parent == "" and append.parent == request.id and request.service == "intake-eu"
    assert stored == f"00-{trace}-{append.id}-01"
