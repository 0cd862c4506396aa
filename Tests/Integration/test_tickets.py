"""Tickets (contract §13): one opens one stream in place of a token, on any edge."""

import json
import re
import secrets
import time
from collections import Counter
from datetime import datetime

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, error_of
from causeway_kit.doorways import DOORS, door_name
from causeway_kit.every_surface import STREAMS, SURFACES, on_streams
from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.long_poll import LongPoll, parse_batch
from causeway_kit.relay import Relay
from causeway_kit.sizes import size
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream, Opened
from causeway_kit.tickets import PATH, Racers, ask_for_ticket, issue
from causeway_kit.tokens import PROMPT, expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually, pause
from causeway_kit.websocket import WebSocketConnection
from causeway_kit.workspace import WorkspaceStream

#: How many requests race for one ticket, and for how many tickets, one after the other.
RACERS, RACES = 200, size(10, 10_000)


@pytest.fixture(scope="module")
def service(shared):
    """An approval API of the shared deployment, for tests that count no tickets and stop no service."""
    return approval_service(shared).wait_ready()


def opened(surface, edge, token, **arguments):
    client = surface.connect(edge, token, **arguments)
    assert isinstance(client.next(), Opened)
    return client


def attempt(surface, edge, ticket, token=None):
    """(status or close code, message) of an attempt to open a stream with a ticket, and with a token beside it; (200, None) when it opens."""
    if isinstance(surface, NotificationStream | LongPoll):
        with SSEConnection(edge.url + surface.path, token=token, query={"ticket": ticket}) as connection:
            return (200, None) if connection.status == 200 else (connection.status, json.loads(connection.body())["message"])
    query = {"ticket": ticket} | ({"workspace": "acme"} if isinstance(surface, WorkspaceStream) else {})
    connection = WebSocketConnection(edge.url + surface.path, token=token, query=query)
    try:
        if connection.status != 101:
            return connection.status, json.loads(connection.body())["message"]
        first = connection.next()
        return (200, None) if connection.closed_with is None else (first.code, first.reason)
    finally:
        connection.close()


def is_refused(surface, answer, why):
    """Whether an attempt was refused in the surface's form, for this reason."""
    code, message = answer
    return code == (4401 if isinstance(surface, WorkspaceStream) else 401) and why in message


@pytest.mark.parametrize("quick_door", DOORS, ids=door_name)
@on_streams
def test_it_opens_one_stream_on_any_edge(stack, surface, quick_door):
    service = approval_service(stack).wait_ready()
    first, second = stack.edges(2, surface.executable, quick_door=quick_door)
    token = mint()
    ticket = issue(service, token)
    with opened(surface, first, token, ticket=ticket) as client:
        for edge in (second, first):
            assert is_refused(surface, attempt(surface, edge, ticket), "used before")
        stack.intake.publish(surface.numbered(1), surface.numbered(2, "globex"), surface.numbered(3))
        assert [event.payload["n"] for event in client.events(2)] == [1, 3]
    # The other one opens streams as well.
    with opened(surface, second, token, ticket=issue(service, token)):
        pass
    assert [edge.metrics()["causeway_tickets_redeemed_total"] for edge in (first, second)] == [1, 1]
    for edge in (first, second):
        assert edge.metrics()['causeway_tickets_refused_total{reason="used"}'] == 1
    assert service.metrics()["causeway_tickets_issued_total"] == 2


def test_it_opens_an_execution_stream_and_a_long_poll(shared, service, tenant):
    first, second = (shared.shared_edge_of(NotificationStream.executable, quick_door=door) for door in DOORS)
    token = mint(tenant, roles=("member",))
    Executions(shared.intake, "agents", "planner", tenant).publish(("progress", {"progress": 0.5}), ("complete", {}))
    ticket = issue(service, token)
    with ExecutionStream(first, "agents", "planner", None, ticket=ticket) as stream:
        assert stream.status == 200 and [type for _, type, _ in stream.rest()] == ["progress", "complete"]
    with ExecutionStream(second, "agents", "planner", None, ticket=ticket) as stream:
        assert stream.status == 401 and "used before" in stream.error()["message"]
    ticket = issue(service, token)
    answer = httpx.get(first.url + LongPoll.path, params={"ticket": ticket, "wait": "0s"}, timeout=15)
    assert answer.status_code == 200 and parse_batch(answer.content)["events"] == []
    assert is_refused(SURFACES[0], attempt(LongPoll(), second, ticket), "used before")


@on_streams
def test_what_is_no_valid_ticket_is_refused(stack, surface):
    service = approval_service(stack).wait_ready()
    edge = stack.edge(surface.executable)
    token = mint()
    for guess in ("tkt_" + secrets.token_urlsafe(32), "tkt_", token):
        assert is_refused(surface, attempt(surface, edge, guess), "not known")
    ticket = issue(service, token)
    assert is_refused(surface, attempt(surface, edge, ticket, token), "send exactly one")
    # The attempt was refused before it was redeemed.
    assert attempt(surface, edge, ticket)[0] == 200
    brief = issue(service, mint(lifetime=5))
    pause(5.1)
    assert is_refused(surface, attempt(surface, edge, brief), "expired")
    refused = {reason: edge.metrics()[f'causeway_tickets_refused_total{{reason="{reason}"}}'] for reason in ("unknown", "expired", "used", "other")}
    assert refused == {"unknown": 3, "expired": 1, "used": 0, "other": 0}


@on_streams
def test_it_has_the_rights_and_the_end_of_its_token(shared, service, surface, edge, tenant):
    # Its tenant's events, and no others.
    token = mint(tenant, lifetime=6)
    with opened(surface, edge, token, ticket=issue(service, token)) as client:
        shared.intake.publish(surface.numbered(1, f"{tenant}_other"), surface.numbered(2, tenant))
        assert client.next_event().payload == {"n": 2}
        client.expect_end("token_expired")
    if surface.executable != WorkspaceStream.executable:
        ticket = issue(service, mint(tenant, roles=()))
        assert attempt(surface, edge, ticket)[0] == 403


@on_streams
def test_a_revocation_of_its_token_ends_its_connection(stack, surface):
    service = approval_service(stack).wait_ready()
    admin = ApprovalClient(service, user="usr_admin")
    edge = stack.edge(surface.executable)
    token, other = mint(jti="taken back"), mint(jti="kept")
    tickets = [issue(service, token) for _ in range(2)]
    with opened(surface, edge, token, ticket=tickets[0]) as ended, opened(surface, edge, other, ticket=issue(service, other)) as kept:
        assert admin.send("POST", "/v1/tokens/revocations", json={"jti": "taken back"}).status_code == 202
        ended.expect_end("token_revoked", timeout=PROMPT)
        eventually(lambda: ask_for_ticket(service, token).status_code == 401, "no ticket is issued any more", timeout=PROMPT)
        # Issued before, and used after the revocation.
        assert is_refused(surface, attempt(surface, edge, tickets[1]), "revoked")
        stack.intake.publish(surface.numbered(1))
        assert kept.next_event().payload == {"n": 1}
    assert edge.metrics()['causeway_tickets_refused_total{reason="other"}'] == 1


@pytest.mark.long
@pytest.mark.timeout(size(180, 3600))
def test_of_many_racers_over_two_edges_one_wins(stack):
    service = approval_service(stack).wait_ready()
    edges = stack.edges(2)
    token = mint()
    with Racers(edges, RACERS) as racers:
        for _ in range(RACES):
            statuses = Counter(racers.race(NotificationStream.path, ticket=issue(service, token)))
            assert statuses == {200: 1, 401: RACERS - 1}
    assert sum(edge.metrics()["causeway_tickets_redeemed_total"] for edge in edges) == RACES
    assert sum(edge.metrics()['causeway_tickets_refused_total{reason="used"}'] for edge in edges) == RACES * (RACERS - 1)


def test_a_restart_of_the_bus_gives_no_second_use(stack):
    service = approval_service(stack, decision_timeout="300ms").wait_ready()
    edges = {surface: stack.edge(surface.executable) for surface in STREAMS}
    token = mint()
    used, unused = issue(service, token), {surface: issue(service, token) for surface in STREAMS}
    issued_at = time.monotonic()
    assert attempt(STREAMS[0], edges[STREAMS[0]], used)[0] == 200
    stack.nats.kill()

    # Without the bus: no new ticket, and no stream by an old one, each in its own form.
    def refusal():
        answer = ask_for_ticket(service, token)
        return answer if answer.status_code == 503 else None

    answer = eventually(refusal, "no ticket without the bus")
    assert error_of(answer) == (503, "service_unavailable") and int(answer.headers["retry-after"]) >= 1
    for surface, edge in edges.items():
        with surface.connect(edge, token, ticket=unused[surface]) as client:
            client.expect_end("unavailable")
    code, message = attempt(LongPoll(), edges[STREAMS[0]], "tkt_" + secrets.token_urlsafe(32))
    assert code == 503 and message
    stack.nats.start()
    for process in (service, *edges.values()):
        process.wait_ready()
    for surface, edge in edges.items():
        code, message = attempt(surface, edge, used)
        assert code in (401, 4401), message
        # On a machine that is slow enough its time is over as well.
        assert "used before" in message or time.monotonic() - issued_at > 28
    with opened(STREAMS[0], edges[STREAMS[0]], token, ticket=issue(service, token)):
        pass


def test_who_gets_a_ticket(service, tenant):
    tokens = [mint(tenant), mint(tenant, roles=()), producer_token(), mint(roles=("issuer",)), mint("a b/ü", "usr ü", roles=("security", "x" * 128))]
    for token in tokens:
        for body in ({}, {"json": {}}, {"content": b"{ }"}):
            before = time.time()
            answer = ask_for_ticket(service, token, **body)
            assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
            members = answer.json()
            assert set(members) == {"ticket", "expiresAt"} and re.fullmatch(r"tkt_[A-Za-z0-9_-]{43}", members["ticket"])
            # One machine, one clock.
            assert before + 29 < datetime.fromisoformat(members["expiresAt"]).timestamp() < time.time() + 31
    brief = mint(tenant, lifetime=10)
    assert datetime.fromisoformat(ask_for_ticket(service, brief).json()["expiresAt"]).timestamp() < time.time() + 11
    assert ask_for_ticket(service, "x").status_code == 401
    assert httpx.get(service.url + PATH, headers={"Authorization": f"Bearer {tokens[0]}"}).status_code == 405
    for content, field in ((b'{"lifetime":60}', "lifetime"), (b"[]", "body"), (b"x", "body")):
        answer = ask_for_ticket(service, tokens[0], content=content)
        assert error_of(answer) == (400, "validation_error") and answer.json()["message"].startswith(field)
    assert ask_for_ticket(service, tokens[0], json={"a": "x" * 5000}).status_code == 413


def test_requests_that_open_no_stream_take_no_ticket(shared, service, tenant, quick_door):
    relay = shared.shared_edge_of(Relay.executable, quick_door=quick_door)
    token = mint(tenant, roles=("admin",))
    for door, method, path in (
        (service, "GET", "/v1/notifications"),
        (service, "POST", PATH),
        (shared.producer, "POST", "/v1/events"),
        (relay, "GET", "/v1/relay/status"),
    ):
        ticket = issue(service, token)
        for fields in ({}, {"Authorization": f"Bearer {token}"}):
            answer = httpx.request(method, door.url + path, params={"ticket": ticket}, headers=fields, timeout=15)
            assert error_of(answer) == (401, "unauthorized") and "A ticket opens a stream" in answer.json()["message"]
            expect_no_token("an error", answer.text)


def test_no_log_has_a_ticket(stack):
    """`Stack` looks through all logs at its end; here the lines of the requests are there, at the most talkative level."""
    service = approval_service(stack, log_level="trace").wait_ready()
    edges = {surface: stack.edge(surface.executable, log_level="trace") for surface in STREAMS}
    token = mint()
    for surface, edge in edges.items():
        ticket = issue(service, token)
        assert attempt(surface, edge, ticket)[0] == 200
        assert attempt(surface, edge, ticket)[0] in (401, 4401)
        httpx.get(f"{edge.url}/nowhere/{ticket}", headers={"X-Request-Id": ticket, "Referer": f"http://x/?ticket={ticket}"}, timeout=15)

        def requests(edge=edge):
            return [line["metadata"]["http.target"] for line in edge.log_lines if line["message"] == "Request"]

        eventually(lambda: len(requests()) >= 3, "the requests are logged")
        assert sum("ticket=<redacted>" in target for target in requests()) == 2
        expect_no_token("metrics", httpx.get(f"{edge.admin_url}/metrics", timeout=5).text)
    stack.check()
