"""The rules of contract §4 for the notification stream, other than its events."""

import re
import time
from pathlib import Path

import httpx
import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.every_surface import on_surfaces_of_everything
from causeway_kit.intake import numbered
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

PATH = NotificationStream.path
ORIGIN = "https://console.example"


def blocks_to_the_end(connection, timeout=15):
    """Returns all blocks up to the end of the connection, which the server must close."""
    blocks = []
    try:
        while block := connection.next_block(timeout):
            blocks.append(block)
    except TimeoutError:
        raise AssertionError(f"the server has not closed the connection {timeout} s after its last block: {blocks[-1:]}") from None
    return blocks


# MARK: Response and opening


def test_the_response_and_its_opening(edge, tenant):
    with SSEConnection(edge.url + PATH, token=mint(tenant)) as client:
        assert client.status == 200
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.headers["cache-control"] == "no-cache, no-transform"
        assert client.headers["x-accel-buffering"] == "no"
        assert "content-length" not in client.headers and "transfer-encoding" not in client.headers, client.headers
        opening = client.next_block()
        assert re.fullmatch(rb"retry: \d+\nid: evt_[0-9A-HJKMNP-TV-Z]{26}\n\n", opening.raw), opening.raw


def test_the_delay_before_coming_back_differs_between_connections(edge, tenant):
    delays = set()
    for _ in range(20):
        with SSEConnection(edge.url + PATH, token=mint(tenant)) as client:
            delays.add(client.next_block().retry)
    assert all(1000 <= delay <= 3000 for delay in delays), f"not 2000 ms ± 50 %: {sorted(delays)}"
    assert len(delays) > 5, f"hardly any jitter: {sorted(delays)}"


def test_head_answers_with_the_headers_alone(edge, tenant):
    response = httpx.head(edge.url + PATH, headers={"Authorization": f"Bearer {mint(tenant)}"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"


@pytest.mark.parametrize("claim", ["tenant_id", "workspace_id", "org_id"])
def test_any_of_the_three_claims_names_the_tenant(shared, edge, tenant, claim):
    token = mint(**({"tenant_id": None} | {claim: tenant}))
    with SSEConnection(edge.url + PATH, token=token) as client:
        client.next_block()
        [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
        assert client.next_block().id == id


@pytest.mark.parametrize("roles", [("admin",), ("member",), ("owner", "member")], ids=str)
def test_admins_and_members_may_listen(edge, tenant, roles):
    with SSEConnection(edge.url + PATH, token=mint(tenant, roles=roles)) as client:
        assert client.status == 200


def test_the_token_may_come_in_the_query_and_the_header_wins(edge, tenant):
    for header, query, status in ((None, mint(tenant), 200), (mint(tenant), "nonsense", 200), ("nonsense", mint(tenant), 401)):
        with SSEConnection(edge.url + PATH, token=header, query={"token": query}) as client:
            assert client.status == status


def test_clocks_may_differ_by_thirty_seconds(edge, tenant):
    soon = int(time.time()) + 20
    with SSEConnection(edge.url + PATH, token=mint(tenant, nbf=soon, iat=soon)) as client:
        assert client.status == 200


# MARK: Data


def test_line_ends_within_a_payload_do_not_break_the_line(shared, edge, tenant):
    payload = b'{\n  "a": 1,\r\n  "b": [1,\n2]\n}'
    body = b'{"type":"a.b","tenant":"%s","time":"2024-04-01T14:32:10Z","payload":%s}' % (tenant.encode(), payload)
    with SSEConnection(edge.url + PATH, token=mint(tenant)) as client:
        client.next_block()
        assert shared.intake.post(body).status_code == 202
        interior = re.sub(r"[\r\n]", " ", payload[1:-1].decode())
        assert client.next_block().data == '{"type":"a.b",' + interior + ',"timestamp":"2024-04-01T14:32:10.000Z"}'


def test_a_large_event_arrives_whole(shared, edge, tenant):
    event = {"type": "a.b", "tenant": tenant, "payload": {"x": "x" * 250_000}}
    with SSEConnection(edge.url + PATH, token=mint(tenant), receive_buffer=4096) as client:
        client.next_block()
        shared.intake.publish(event)
        assert client.next_block().data.count("x") == 250_001


# MARK: ?types=


@on_surfaces_of_everything
@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ("incident.created", ["incident.created"]),
        ("investigation.*", ["investigation.progress", "investigation.progress.step"]),
        ("incident.created,approval.requested", ["incident.created", "approval.requested"]),
        ("remediation.*,investigation.progress.*", ["investigation.progress.step"]),
        ("no.such_type", []),
    ],
)
def test_types_narrow_the_stream(shared, edge, surface, tenant, types, wanted):
    payloads = {
        "incident.created": {"incidentId": "i"},
        "investigation.progress": {"incidentId": "i", "message": "m", "agentName": "a"},
        "investigation.progress.step": {},
        "investigations.other": {},
        "approval.requested": {"approvalId": "a", "remediationId": "r"},
        "house.last": {},
    }
    with surface.connect(edge, mint(tenant), types=f"{types},house.last") as live:
        live.next()
        shared.intake.publish(*({"type": type, "tenant": tenant, "payload": payload} for type, payload in payloads.items()))
        assert [event.type for event in live.events(len(wanted) + 1)] == [*wanted, "house.last"]
    with surface.connect(edge, mint(tenant), types=f"{types},house.last", cursor="") as replayed:
        replayed.next()
        assert [event.type for event in replayed.events(len(wanted) + 1)] == [*wanted, "house.last"]


def test_sixty_four_types_are_not_too_many(edge, tenant):
    query = {"types": ",".join(f"a.t{n}" for n in range(64))}
    with SSEConnection(edge.url + PATH, token=mint(tenant), query=query) as client:
        assert client.status == 200


# MARK: Heartbeats, expiry


def test_heartbeats_come_at_their_interval(stack):
    edge = stack.edge(heartbeat_interval="1s")
    with SSEConnection(edge.url + PATH, token=mint(), pings=True) as client:
        client.next_block()
        client.next_block()
        begin = time.monotonic()
        beats = [client.next_block() for _ in range(3)]
        took = time.monotonic() - begin
    for beat in beats:
        assert beat.raw == b"id: %s\nevent: ping\ndata: {}\n\n" % beat.id.encode() and Cursor.parse(beat.id)
    assert 2 < took < 10, f"three beats of one second took {took:.2f} s"


def test_heartbeats_of_many_connections_are_spread(stack):
    edge = stack.edge(heartbeat_interval="2s")
    clients = [SSEConnection(edge.url + PATH, token=mint()) for _ in range(30)]
    moments = []
    for client in clients:
        client.next_block()
    begin = time.monotonic()
    for client in clients:
        client.socket.setblocking(False)
    waiting = set(clients)
    while waiting and time.monotonic() - begin < 6:
        for client in list(waiting):
            try:
                client.socket.recv(4096)
            except BlockingIOError:
                continue
            moments.append(time.monotonic() - begin)
            waiting.discard(client)
    for client in clients:
        client.close()
    assert not waiting, f"{len(waiting)} connections had no heartbeat within three intervals"
    assert max(moments) - min(moments) > 0.5, f"all heartbeats came within {max(moments) - min(moments):.2f} s of an interval of 2 s"


def test_a_token_that_expires_in_mid_stream_ends_it(edge, tenant):
    expiry = int(time.time()) + 3
    with SSEConnection(edge.url + PATH, token=mint(tenant, exp=expiry)) as client:
        blocks = blocks_to_the_end(client)
        ended = time.time()
    last = blocks[-1]
    assert (last.event, last.data, last.id) == ("stream.end", '{"reason":"token_expired"}', None)
    assert expiry <= ended < expiry + 3, f"ended {ended - expiry:+.1f} s after the token's end"


def test_an_event_shortly_before_expiry_still_arrives(shared, edge, tenant):
    expiry = int(time.time()) + 3
    with SSEConnection(edge.url + PATH, token=mint(tenant, exp=expiry)) as client:
        client.next_block()
        ids = []
        while time.time() < expiry - 0.5:
            ids += shared.intake.publish(numbered(len(ids), tenant, prefix=tenant))
        events = [block.id for block in blocks_to_the_end(client) if block.event == "load.tick"]
    assert events == ids


# MARK: Limits


def expect_goodbye(url, token, reason):
    with SSEConnection(url, token=token) as client:
        assert client.status == 200 and client.headers["content-type"] == "text/event-stream; charset=utf-8"
        blocks = blocks_to_the_end(client)
        assert any(block.retry is not None for block in blocks), f"no time to come back: {blocks}"
        assert (blocks[-1].event, blocks[-1].data) == ("stream.end", f'{{"reason":"{reason}"}}'), blocks


def test_a_full_edge_answers_so_that_browsers_come_back(stack):
    edge = stack.edge(max_connections=3)
    url = edge.url + PATH
    open_ones = [SSEConnection(url, token=mint(tenant)) for tenant in ("a", "b", "c")]
    for client in open_ones:
        client.next_block()
    expect_goodbye(url, mint("d"), "overloaded")
    # A freed admission is reused.
    open_ones.pop().close()
    deadline = time.monotonic() + 10
    while True:
        with SSEConnection(url, token=mint("d")) as client:
            if client.next_block().event is None:
                break
        assert time.monotonic() < deadline, "the place of a client that left is not given out again"
    for client in open_ones:
        client.close()


def test_one_tenant_cannot_take_all_places(stack):
    edge = stack.edge(max_connections_per_tenant=2)
    url = edge.url + PATH
    open_ones = [SSEConnection(url, token=mint("greedy", user=f"usr_{n}")) for n in range(2)]
    for client in open_ones:
        client.next_block()
    expect_goodbye(url, mint("greedy"), "limit")
    with SSEConnection(url, token=mint("modest")) as client:
        assert client.next_block().event is None
    for client in open_ones:
        client.close()


# MARK: Browsers of other origins


@pytest.fixture(scope="module")
def cors_edge(shared):
    return shared.edge(cors_origins=f"{ORIGIN},http://localhost:3000")


def test_a_preflight_of_a_configured_origin_is_answered(cors_edge):
    for wanted in ("authorization", "last-event-id", "cache-control", "authorization,last-event-id"):
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": wanted}
        response = httpx.request("OPTIONS", cors_edge.url + PATH, headers=headers)
        assert response.status_code in (200, 204)
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "GET" in response.headers["access-control-allow-methods"]
        allowed = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
        assert set(wanted.split(",")) <= allowed
        assert "origin" in response.headers["vary"].lower()


def test_streams_and_errors_can_be_read_by_a_configured_origin(cors_edge, tenant):
    for origin in (ORIGIN, "http://localhost:3000"):
        for token, status in ((mint(tenant), 200), ("nonsense", 401), (mint(tenant, roles=()), 403)):
            with SSEConnection(cors_edge.url + PATH, token=token, headers={"Origin": origin}) as client:
                assert client.status == status
                assert client.headers.get("access-control-allow-origin") == origin
                assert "origin" in client.headers.get("vary", "").lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://console.example", f"{ORIGIN}:444"])
def test_no_other_origin_is_allowed(cors_edge, tenant, origin):
    with SSEConnection(cors_edge.url + PATH, token=mint(tenant), headers={"Origin": origin}) as client:
        assert "access-control-allow-origin" not in client.headers
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in httpx.request("OPTIONS", cors_edge.url + PATH, headers=headers).headers


def test_without_configuration_no_origin_is_allowed(edge, tenant):
    with SSEConnection(edge.url + PATH, token=mint(tenant), headers={"Origin": ORIGIN}) as client:
        assert "access-control-allow-origin" not in client.headers


# MARK: Odd clients


def test_what_a_client_sends_after_its_request_does_not_matter(shared, edge, tenant):
    with SSEConnection(edge.url + PATH, token=mint(tenant)) as client:
        client.next_block()
        client.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\x00" * 100_000)
        [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
        assert client.next_block().id == id


def test_a_second_request_on_a_connection_can_become_a_stream_or_is_told_off(shared, edge, tenant):
    """Keep-alive clients and proxies do this. The edge may respond in any way, but must not hang."""
    with httpx.Client(base_url=edge.url, timeout=10) as client:
        assert client.get("/nothing").status_code == 404
        with client.stream("GET", PATH, headers={"Authorization": f"Bearer {mint(tenant)}"}) as response:
            assert response.status_code == 200
            assert next(response.iter_raw()).startswith(b"retry: ")


def test_an_offer_to_upgrade_is_passed_over(edge, tenant):
    """`curl --http2` and Java's client send one with every first request."""
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
    with SSEConnection(edge.url + PATH, token=mint(tenant), headers=headers) as client:
        assert client.status == 200 and client.next_block().retry is not None
    with SSEConnection(edge.url + PATH, headers=headers) as client:
        assert client.status == 401


def test_clients_that_come_and_go_leave_nothing_behind(stack):
    """Half of them abort, half close; descriptors and memory are released."""
    edge = stack.edge()

    def descriptors():
        return len(list(Path(f"/proc/{edge.pid}/fd").iterdir()))

    def visit(times):
        for number in range(times):
            client = SSEConnection(edge.url + PATH, token=mint())
            client.next_block()
            client.cut() if number % 2 else client.close()

    visit(50)
    before = eventually(lambda: descriptors() < 60 and descriptors(), "the first visitors' descriptors are closed")
    visit(300)
    eventually(lambda: descriptors() <= before + 5, f"descriptors return to {before}")
