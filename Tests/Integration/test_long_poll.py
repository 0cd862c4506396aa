"""The rules of contract §15 for the long poll that are not common to all surfaces."""

import json
import time

import httpx
import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.intake import numbered
from causeway_kit.long_poll import LongPoll, parse_batch
from causeway_kit.number_doors import SPELLINGS
from causeway_kit.sse import SSEConnection
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

PATH = LongPoll.path
ORIGIN = "https://console.example"


def poll(edge, tenant, *, token=None, headers=None, timeout=15.0, **query):
    """A whole response."""
    with SSEConnection(edge.url + PATH, token=token or mint(tenant), query=query, headers=headers, timeout=timeout) as response:
        body = response.body(timeout)
        assert response.status == 200, f"{response.status} {body!r}"
        return parse_batch(body)


def ids_of(batch):
    return [event["id"] for event in batch["events"]]


def wait_for(edge, tenant, id):
    """Waits until the edge has read an event, because a poll returns only those."""
    sequence = Cursor.parse(id).sequence
    eventually(lambda: Cursor.parse(poll(edge, tenant, wait="0s")["cursor"]).sequence >= sequence, "the edge has what was published")


def publish(shared, edge, tenant, count):
    ids = shared.intake.publish(*(numbered(n, tenant, prefix=tenant) for n in range(count)))
    wait_for(edge, tenant, ids[-1])
    return ids


def refused(edge, tenant, status, **query):
    answer = httpx.get(edge.url + PATH, params=query, headers={"Authorization": f"Bearer {mint(tenant)}"})
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    return answer.json()


# MARK: The response


def test_an_event_is_shown_as_it_was_published(shared, edge, tenant):
    payload = b'{"incidentId" : "inc_1","n":1.0,"text":"\\u00e9\xc3\xa9"}'
    body = b'{"type":"incident.created","tenant":"%s","time":"2024-04-01T14:32:10Z","payload":%s}' % (tenant.encode(), payload)
    [id] = shared.intake.post(body).json()["ids"]
    wait_for(edge, tenant, id)
    with SSEConnection(edge.url + PATH, token=mint(tenant), query={"last_event_id": "", "wait": "0s"}) as response:
        assert response.status == 200
        assert response.headers["content-type"] == "application/json" and response.headers["cache-control"] == "no-store"
        assert response.headers["connection"] == "close" and response.headers["x-request-id"].startswith("req_")
        body = response.body()
    start = b'{"events":[{"id":"%s","type":"incident.created","payload":%s,"timestamp":"2024-04-01T14:32:10.000Z"}],"cursor":"' % (
        id.encode(),
        payload,
    )
    assert body.startswith(start) and body.endswith(b'"}') and "gap" not in parse_batch(body)


def test_a_tenant_without_events_gets_a_place_at_once(shared, edge, tenant):
    begin = time.monotonic()
    batch = poll(edge, tenant, wait="0s")
    assert batch["events"] == [] and time.monotonic() - begin < 5
    [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
    assert ids_of(poll(edge, tenant, last_event_id=batch["cursor"])) == [id]


def test_page_after_page_brings_everything_once(shared, edge, tenant):
    ids = publish(shared, edge, tenant, 50)
    got, cursor = [], ""
    while len(got) < len(ids):
        batch = poll(edge, tenant, last_event_id=cursor, limit=7, wait="0s")
        assert len(batch["events"]) <= 7
        got += ids_of(batch)
        cursor = batch["cursor"]
    assert got == ids
    batch = poll(edge, tenant, last_event_id=cursor, wait="0s")
    assert batch["events"] == [] and Cursor.parse(batch["cursor"]).sequence >= Cursor.parse(cursor).sequence


def test_a_hundred_events_unless_asked_for_more(shared, edge, tenant):
    ids = publish(shared, edge, tenant, 120)
    assert ids_of(poll(edge, tenant, last_event_id="")) == ids[:100]
    assert ids_of(poll(edge, tenant, last_event_id="", limit=1000)) == ids


def test_a_response_has_at_most_a_mebibyte(shared, edge, tenant):
    events = [numbered(n, tenant, prefix=tenant, padding=250_000) for n in range(9)]
    ids = [shared.intake.publish(event)[0] for event in events]
    wait_for(edge, tenant, ids[-1])
    got, cursor = [], ""
    while len(got) < len(ids):
        with SSEConnection(edge.url + PATH, token=mint(tenant), query={"last_event_id": cursor, "limit": 1000, "wait": "0s"}) as response:
            body = response.body()
        assert len(body) <= 1 << 20
        batch = parse_batch(body)
        assert batch["events"], "a batch that is full holds something"
        got += ids_of(batch)
        cursor = batch["cursor"]
    assert got == ids


@pytest.mark.parametrize("name", ["header", *SPELLINGS])
def test_a_place_is_understood_in_every_spelling(shared, edge, tenant, name):
    ids = publish(shared, edge, tenant, 3)
    given = {"headers": {"Last-Event-ID": ids[0]}} if name == "header" else {name: ids[0]}
    assert ids_of(poll(edge, tenant, **given)) == ids[1:]


def test_a_place_that_is_none_is_told_at_once_with_the_one_that_is(shared, edge, tenant):
    batch = poll(edge, tenant, last_event_id="nonsense", wait="60s")
    assert batch["events"] == [] and batch["gap"] == {"reason": "unknown_cursor"}
    [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
    assert ids_of(poll(edge, tenant, last_event_id=batch["cursor"])) == [id]


# MARK: Waiting


def test_a_client_that_waits_is_answered_with_the_event(shared, edge, tenant):
    with SSEConnection(edge.url + PATH, token=mint(tenant), query={"wait": "60s", "types": "load.*"}) as response:
        shared.intake.publish({"type": "other.type", "tenant": tenant, "payload": {}})
        [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
        assert ids_of(parse_batch(response.body())) == [id]


def test_a_client_waits_as_long_as_it_says_and_gets_a_fresh_place(shared, edge, tenant):
    place = poll(edge, tenant, wait="0s")["cursor"]
    begin = time.monotonic()
    with SSEConnection(edge.url + PATH, token=mint(tenant), query={"last_event_id": place, "wait": "1500ms"}) as response:
        [other] = shared.intake.publish(numbered(1, f"{tenant}_other", prefix=tenant))
        batch = parse_batch(response.body())
    assert batch["events"] == [] and time.monotonic() - begin >= 1.4
    assert Cursor.parse(batch["cursor"]).sequence >= Cursor.parse(other).sequence


def test_heartbeats_are_white_space(stack):
    edge = stack.edge(heartbeat_interval="100ms")
    with SSEConnection(edge.url + PATH, token=mint(), query={"wait": "2s"}) as response:
        body = response.body()
    assert body.startswith(b'{"events":[  ') and parse_batch(body)["events"] == []


def test_a_client_that_goes_away_frees_its_place(stack):
    edge = stack.edge(max_connections_per_tenant=2)
    waiting = [SSEConnection(edge.url + PATH, token=mint(), query={"wait": "60s"}) for _ in range(2)]
    assert [response.status for response in waiting] == [200, 200]
    answer = httpx.get(edge.url + PATH, headers={"Authorization": f"Bearer {mint()}"})
    assert (answer.status_code, answer.json()["error"]) == (429, "rate_limited") and int(answer.headers["retry-after"]) >= 1
    waiting[0].close()
    eventually(lambda: edge.metrics()["causeway_edge_connections"] == 1, "its place is free", timeout=5)
    assert poll(edge, "acme", wait="0s")["events"] == []
    waiting[1].close()


def test_a_drain_answers_those_who_wait_at_once(stack):
    edge = stack.edge(drain_window="60s")
    [id] = stack.intake.publish(numbered(1))
    waiting = [SSEConnection(edge.url + PATH, token=mint(), query={"last_event_id": id, "wait": "60s"}) for _ in range(5)]
    begin = time.monotonic()
    edge.terminate()
    for response in waiting:
        batch = parse_batch(response.body())
        assert (batch["events"], batch["cursor"]) == ([], id)
        response.close()
    assert edge.wait(timeout=15) == 0 and time.monotonic() - begin < 20


def test_an_edge_that_drains_refuses_with_a_status(stack):
    edge = stack.edge(drain_window="30s")
    with SSEConnection(edge.url + "/v1/notifications/stream", token=mint()) as stream:
        stream.next_block()
        edge.terminate()
        eventually(lambda: edge.readiness() != 200, "it drains")
        answer = refused(edge, "acme", 503)
        assert answer["error"] == "service_unavailable"


def test_a_token_that_expires_ends_the_wait(edge, tenant):
    place = poll(edge, tenant, wait="0s")["cursor"]
    begin = time.monotonic()
    batch = poll(edge, tenant, token=mint(tenant, lifetime=3), last_event_id=place, wait="60s")
    assert batch["events"] == [] and time.monotonic() - begin < 15


# MARK: Who may, and what may be asked


def test_the_roles_and_the_tokens_place_are_the_notification_streams(edge, tenant):
    assert httpx.get(edge.url + PATH).status_code == 401
    answer = httpx.get(edge.url + PATH, headers={"Authorization": f"Bearer {mint(tenant, roles=('producer',))}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    with SSEConnection(edge.url + PATH, query={"token": mint(tenant), "wait": "0s"}) as response:
        assert response.status == 200


@pytest.mark.parametrize(("name", "value"), [("limit", "1001"), ("limit", "x"), ("wait", "61s"), ("wait", "soon"), ("types", "No.Type")])
def test_what_cannot_be_asked_for_is_named(edge, tenant, name, value):
    answer = refused(edge, tenant, 400, **{name: value})
    assert answer["error"] == "validation_error" and answer["message"].startswith(name), answer


def test_other_methods(edge, tenant):
    token = {"Authorization": f"Bearer {mint(tenant)}"}
    head = httpx.head(edge.url + PATH, headers=token)
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")
    posted = httpx.post(edge.url + PATH, headers=token, content=b"{}")
    assert posted.status_code == 405 and "GET" in posted.headers["allow"]
    assert httpx.options(edge.url + PATH).status_code == 204


def test_pages_of_other_origins(stack):
    edge = stack.edge(cors_origins=ORIGIN)
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = httpx.options(edge.url + PATH, headers=asked)
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    with SSEConnection(edge.url + PATH, token=mint(), query={"wait": "0s"}, headers={"Origin": ORIGIN}) as response:
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert json.loads(response.body())["events"] == []
