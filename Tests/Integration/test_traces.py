"""One trace from the producer's request through the log to the last log line (W3C Trace Context; docs/operating.md)."""

import secrets

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.cursors import Cursor
from causeway_kit.every_surface import SURFACES
from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.services import is_built
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import WebSocketConnection

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

DELIVERED = "event delivered"


class Trace:
    """What a caller that records traces sends."""

    def __init__(self, *, sampled=True):
        self.id = secrets.token_hex(16)
        self.headers = {"traceparent": f"00-{self.id}-{secrets.token_hex(8)}-{'01' if sampled else '00'}"}

    def lines(self, service, message):
        """Returns the trace's lines of a service: their level and metadata."""
        lines = [line for line in service.log_lines if line.get("metadata", {}).get("trace_id") == self.id]
        return [(line["level"], line["metadata"]) for line in lines if line["message"] == message]

    def line(self, service, message):
        """The one line; waits for it."""
        return self.line_of_one([service], message)

    def line_of_one(self, services, message):
        """The one line that one of them writes; waits for it."""
        found = eventually(lambda: [line for service in services for line in self.lines(service, message)], f"somebody says: {message}")
        [line] = found
        return line


@pytest.fixture(scope="module")
def edges(shared):
    """Deliveries of a trace that is not sampled are logged at `debug`."""
    return {surface: shared.edge(surface.executable, log_level="debug") for surface in SURFACES}


@pytest.fixture(scope="module")
def approvals(shared):
    return approval_service(shared).wait_ready()


@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "not sampled"])
def test_a_trace_is_followed_from_the_intake_to_every_surface(shared, edges, tenant, sampled):
    trace = Trace(sampled=sampled)
    level = "info" if sampled else "debug"
    clients = [surface.connect(edge, mint(tenant, f"usr_{n}")) for surface, edge in edges.items() for n in range(3)]
    for client in clients:
        client.next()
    # The relay's event is one that every surface carries; with a trace, and then without.
    event = SURFACES[-1].numbered(1, tenant, prefix=tenant)
    [id] = shared.intake.post([event], headers=trace.headers).json()["ids"]
    assert shared.bus.headers(Cursor.parse(id).sequence)["traceparent"] == trace.headers["traceparent"]
    shared.intake.publish(SURFACES[-1].numbered(2, tenant, prefix=tenant))
    for client in clients:
        assert [client.next_event().id, client.next_event().payload["n"]] == [id, 2]
        client.close()

    said, stored = trace.line(shared.producer, "events stored")
    assert said == "info" and (stored["events"], stored["event.id.first"], stored["event.id.last"]) == ("1", id, id)
    said, request = trace.line(shared.producer, "Request")
    assert said == "info" and request["http.status"] == "202"
    for edge in edges.values():
        said, delivered = trace.line(edge, DELIVERED)
        assert said == level and delivered["event.id"] == id and delivered["event.type"] == event["type"] and delivered["tenant"] == tenant
        assert (delivered["connections"], delivered["behind"]) == ("3", "0") and int(delivered["lag_ms"]) >= 0


def test_an_event_may_name_a_trace_of_its_own(shared, edges, tenant):
    own, of_request = Trace(), Trace()
    native = {"specversion": "1.0", "id": tenant, "source": "/x", "type": "a.b", "data": {}, "tenant": tenant} | own.headers
    other = {"specversion": "1.0", "id": f"{tenant}-2", "source": "/x", "type": "a.b", "data": {}, "tenant": tenant}
    answer = shared.intake.post([native, other], content_type="application/cloudevents-batch+json", headers=of_request.headers)
    assert answer.status_code == 202, answer.text
    for trace, id in zip((own, of_request), answer.json()["ids"], strict=True):
        assert trace.line(shared.producer, "events stored")[1]["event.id.first"] == id
        assert trace.line(edges[SURFACES[0]], DELIVERED)[1]["event.id"] == id


def test_a_decision_belongs_to_the_trace_of_its_request(shared, edges, approvals, tenant):
    trace, approval = Trace(), f"app_{tenant}"
    shared.intake.publish(requested(approval, tenant))
    admin = ApprovalClient(approvals, tenant)
    answer = admin.send("POST", f"/v1/notifications/approvals/{approval}", json={"action": "approve"}, headers=trace.headers)
    assert answer.status_code == 200, answer.text
    assert trace.line(approvals, "approval decided")[1]["approval.id"] == approval
    # The replicas share this work, and other tests have left some running.
    replicas = [process for process in shared.processes if process.name.startswith("approval-api") and process.is_running]
    assert trace.line_of_one(replicas, "decision effect published")[1]["approval.id"] == approval
    for edge in edges.values():
        both = eventually(lambda edge=edge: len(found := trace.lines(edge, DELIVERED)) == 2 and found, "decision and effect are delivered")
        assert {line["event.type"] for _, line in both} == {"approval.resolved", "remediation.approved"}


def test_an_execution_belongs_to_the_trace_of_the_requests_that_tell_it(shared, edges, tenant):
    trace, edge = Trace(), edges[SURFACES[0]]
    agent = Executions(shared.intake, "agents", "planner", tenant)
    agent.progress(0.1)
    with ExecutionStream(edge, "agents", "planner", mint(tenant)) as viewer:
        viewer.next()
        answer = agent.post([{"type": "complete", "payload": {"result": {}, "duration": 1}, "tenant": tenant}], headers=trace.headers)
        assert answer.status_code == 202, answer.text
        assert viewer.rest()[0][:2] == (2, "complete")
    _, delivered = trace.line(edge, DELIVERED)
    assert (delivered["event.type"], delivered["connections"]) == ("complete", "1")


def test_the_line_of_a_connections_life_names_the_trace_of_its_request(edges, tenant):
    token = mint(tenant)
    for surface, edge in edges.items():
        trace = Trace()
        if surface.executable == NotificationStream.executable:
            SSEConnection(edge.url + surface.path, token=token, headers=trace.headers).close()
        else:
            WebSocketConnection(edge.url + surface.path, token=token, query={"workspace": tenant}, headers=trace.headers).close()
        said, line = trace.line(edge, "connection ended")
        assert said == "info" and line["tenant"] == tenant


@pytest.mark.parametrize("id", ["shown-nowhere", "0" * 32, "A" * 32, "a" * 33], ids=["no id", "zeros", "upper case", "too long"])
def test_what_is_no_trace_is_ignored_and_not_written_down(shared, edges, tenant, id):
    value = f"00-{id}-{'1' * 16}-01"
    answer = shared.intake.post([NotificationStream().numbered(1, tenant, prefix=tenant)], headers={"traceparent": value})
    assert answer.status_code == 202
    assert "traceparent" not in shared.bus.headers(Cursor.parse(answer.json()["ids"][0]).sequence)
    for service in (shared.producer, *edges.values()):
        assert value not in service.log
