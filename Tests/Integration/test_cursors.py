"""The three answers to a cursor (contract §3), and changes of the log: purged, deleted, recreated."""

import itertools
import socket

import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.every_surface import on_surfaces_with_heartbeats
from causeway_kit.executions import Executions
from causeway_kit.follower import Follower
from causeway_kit.intake import numbered
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import Event, Gap, Heartbeat, NotificationStream, Opened
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

EXPIRED, UNKNOWN = "expired", "unknown_cursor"


def opening(client):
    """The message with which the stream begins: an opening, which may be followed by a gap."""
    message = client.next()
    assert isinstance(message, Opened) and (message.id is None or Cursor.parse(message.id)), f"not an opening: {message}"
    return message


def gap(client):
    message = client.next()
    assert isinstance(message, Gap), f"the client had to be told of a gap, not {message}"
    return message


def expect_live(stack, client, tenant, number=1_000_000):
    """The next event delivered is one published now."""
    [id] = stack.intake.publish(client.surface.numbered(number, tenant, prefix=tenant))
    event = client.next_event()
    assert (event.id, event.payload) == (id, {"n": number})
    return id


# MARK: Inside the log


def test_a_cursor_inside_the_log_is_followed_by_every_later_event_and_then_live(shared, edge, surface, tenant):
    ids = shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(10)))
    for place in (0, 4, 9):
        with surface.connect(edge, mint(tenant), cursor=ids[place]) as client:
            opening(client)
            assert [event.id for event in client.events(len(ids) - place - 1)] == ids[place + 1 :]
            ids.append(expect_live(shared, client, tenant, number=100 + place))


def test_a_cursor_of_another_time_is_of_another_log(shared, edge, surface, tenant):
    """The time in a cursor identifies the event at its sequence: no client was given a cursor with another time, or without one."""
    ids = shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(2)))
    true = Cursor.parse(ids[0])
    for time in (0, true.time - 1, true.time + 1, (1 << 48) - 1):
        with surface.connect(edge, mint(tenant), cursor=true._replace(time=time).text) as client:
            opening(client)
            message = client.next()
            assert isinstance(message, Gap) and message.reason == UNKNOWN, f"{time - true.time} ms: {message}"
    with surface.connect(edge, mint(tenant), cursor=true.text) as client:
        opening(client)
        assert client.next_event().id == ids[1]


def test_no_cursor_means_live_only_and_an_empty_one_everything_kept(shared, edge, surface, tenant):
    ids = shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(3)))
    with surface.connect(edge, mint(tenant), cursor="") as everything:
        opening(everything)
        # Only then has the edge all three: for a connection that comes before an event does, the event is new.
        assert [event.id for event in everything.events(3)] == ids
        with surface.connect(edge, mint(tenant)) as live:
            opening(live)
            expect_live(shared, live, tenant)


def test_the_opening_is_a_place_to_resume_from(shared, edge, surface, tenant):
    with surface.connect(edge, mint(tenant)) as client:
        place = opening(client).id
    ids = shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(3)))
    with surface.connect(edge, mint(tenant), cursor=place) as client:
        opening(client)
        assert [event.id for event in client.events(3)] == ids


def test_a_client_that_breaks_away_right_after_the_opening_loses_nothing(shared, edge, surface, tenant):
    """The opening of a resumed stream has the client's cursor, not the log's end."""
    ids = shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(5)))
    for cursor, first in ((ids[1], ids[2]), ("", ids[0])):
        with surface.connect(edge, mint(tenant), cursor=cursor) as client:
            told = opening(client).id
            place = cursor if told is None else told
            client.cut()
        with surface.connect(edge, mint(tenant), cursor=place) as client:
            opening(client)
            assert client.next_event().id == first


@on_surfaces_with_heartbeats
def test_heartbeats_carry_a_fresh_place_to_a_quiet_tenant(stack, surface):
    """Resuming from a heartbeat loses nothing. Heartbeats advance with other tenants' events, so that idle clients' cursors do not expire."""
    edge = stack.edge(surface.executable, heartbeat_interval="1s")
    with surface.connect(edge, mint("quiet")) as client:
        opening(client)
        places = []
        for write in (
            lambda: stack.intake.publish(surface.numbered(1, "noisy")),
            lambda: Executions(stack.intake, "agents", "noisy", "noisy").progress(0.1, 0.2),
        ):
            write()
            last = stack.bus.state().last_seq

            def fresh():
                message = client.next()
                assert isinstance(message, Heartbeat), f"a heartbeat was due, not {message}"
                return Cursor.parse(message.id).sequence == last and message.id

            places.append(eventually(fresh, "a heartbeat's id moves on with the log"))
    noise = [surface.numbered(n, "noisy", padding=20_000) for n in range(4, 10)]
    ids = stack.intake.publish(surface.numbered(2, "noisy"), surface.numbered(3, "quiet"), *noise)
    # An edge whose memory does not reach back compares with the log itself.
    for server in (edge, stack.edge(surface.executable, event_log_tail_bytes="64KiB")):
        for place in places:
            with surface.connect(server, mint("quiet"), cursor=place) as client:
                opening(client)
                assert client.next_event().id == ids[1]


def test_the_header_wins_over_the_query(shared, edge, tenant):
    ids = shared.intake.publish(*(numbered(n, tenant, prefix=tenant) for n in range(4)))
    url = edge.url + NotificationStream.path

    def first(headers, query):
        with SSEConnection(url, token=mint(tenant), headers=headers, query=query) as client:
            client.next_block()
            return client.next_block().id

    assert first({}, {"last_event_id": ids[1]}) == ids[2]
    assert first({"Last-Event-ID": ids[0]}, {"last_event_id": ids[2]}) == ids[1]
    assert first({"last-event-id": ids[2]}, {}) == ids[3], "the header's name has no case"
    assert first({}, {"last_event_id": ""}) == ids[0]


# MARK: Older than the log keeps


def test_a_cursor_older_than_the_log_is_told_what_was_missed_and_gets_what_is_kept(stack, surface):
    # When they are purged, one edge has dropped them from memory, one starts afterwards, and one still has all of them in memory.
    veteran, rich = stack.edge(surface.executable, event_log_tail_bytes="64KiB"), stack.edge(surface.executable)
    ids = stack.intake.publish(*(surface.numbered(n, padding=20_000) for n in range(20)))
    kept = 12
    stack.bus.purge(before=Cursor.parse(ids[kept]).sequence)
    late = stack.edge(surface.executable)
    before_the_first = Cursor.parse(ids[0])._replace(sequence=0).text
    for server in (veteran, late):
        for cursor in (ids[0], ids[kept - 2], before_the_first):
            with surface.connect(server, mint(), cursor=cursor) as client:
                opening(client)
                told = gap(client)
                assert (told.reason, told.missed_before) == (EXPIRED, ids[kept]), f"{server.name}, {cursor}"
                assert [event.id for event in client.events(20 - kept)] == ids[kept:]
            # A client that got the gap and disconnected resumes from it without a second one.
            with surface.connect(server, mint(), cursor=told.id) as client:
                opening(client)
                assert client.next_event().id == ids[kept]
        # A cursor at the last dropped event misses nothing: everything after it is kept.
        with surface.connect(server, mint(), cursor=ids[kept - 1]) as client:
            opening(client)
            assert client.next_event().id == ids[kept]
        with surface.connect(server, mint(), cursor="") as client:
            opening(client)
            assert client.next_event().id == ids[kept], "the oldest event kept is no gap"
    # An edge that still has the purged events may deliver more than required, but not less than it reports.
    with surface.connect(rich, mint(), cursor=ids[0]) as client:
        opening(client)
        message = client.next()
        rest = ids[2:] if isinstance(message, Event) and message.id == ids[1] else ids[kept:]
        assert rest == ids[2:] or isinstance(message, Gap), f"neither the next event nor a gap: {message}"
        assert [event.id for event in client.events(len(rest))] == rest
    with surface.connect(late, mint(), cursor=ids[0]) as client:
        opening(client), gap(client), client.events(20 - kept)
        expect_live(stack, client, "acme")


def test_a_log_that_was_purged_to_the_last_event(stack, surface):
    ids = stack.intake.publish(*(surface.numbered(n) for n in range(5)))
    stack.bus.purge(before=Cursor.parse(ids[-1]).sequence + 1)
    assert stack.bus.state().messages == 0
    edge = stack.edge(surface.executable)
    with surface.connect(edge, mint(), cursor=ids[-1]) as client:
        opening(client)
        expect_live(stack, client, "acme")
    with surface.connect(edge, mint(), cursor=ids[0]) as client:
        opening(client)
        assert gap(client).reason == EXPIRED


# MARK: Not a place in this log


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda cursor: cursor._replace(epoch=cursor.epoch ^ 1).text, id="of another epoch"),
        pytest.param(lambda cursor: cursor._replace(sequence=cursor.sequence + 1_000_000).text, id="from the future"),
        pytest.param(lambda cursor: cursor._replace(sequence=(1 << 64) - 1).text, id="from the end of time"),
        pytest.param(lambda cursor: cursor.text.lower(), id="in lower case"),
        pytest.param(lambda cursor: cursor.text[:-1], id="cut off"),
        pytest.param(lambda cursor: cursor.text + "0", id="too long"),
        pytest.param(lambda cursor: cursor.text[4:], id="without its prefix"),
        pytest.param(lambda cursor: cursor.text[:-1] + "U", id="with a letter that is none"),
        pytest.param(lambda cursor: "evt_8" + cursor.text[5:], id="of more than 128 bits"),
        pytest.param(lambda cursor: "42", id="a number"),
        pytest.param(lambda cursor: "'; DROP TABLE events; --", id="an attempt"),
        pytest.param(lambda cursor: "x" * 4000, id="4,000 characters"),
    ],
)
def test_a_cursor_that_is_none_is_told_so_and_goes_on_live(shared, edge, surface, tenant, make):
    # Seen by one who is connected: the edge has it, and "live" begins after it.
    with surface.connect(edge, mint(tenant)) as witness:
        opening(witness)
        id = expect_live(shared, witness, tenant, number=1)
    with surface.connect(edge, mint(tenant), cursor=make(Cursor.parse(id))) as client:
        opening(client)
        told = gap(client)
        assert (told.reason, told.missed_before) == (UNKNOWN, None)
        expect_live(shared, client, tenant)
    # The gap itself has a cursor to resume from.
    with surface.connect(edge, mint(tenant), cursor=told.id) as client:
        opening(client)
        assert client.next_event().payload == {"n": 1_000_000}


HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


@pytest.mark.parametrize(("of", "fields"), [(NotificationStream, ""), (WorkspaceStream, HANDSHAKE)], ids=["notification", "workspace"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("last_event_id=%zz", ""),
        ("last_event_id=%FF", ""),
        ("last_event_id={id}&last_event_id={id}", ""),
        ("last_event_id=&last_event_id=", ""),
        ("last_event_id={id}&lastEventId={id}", ""),
        ("lastEventId=%zz", ""),
        ("lastEventID=nonsense", ""),
        ("Last-Event-ID=" + "x" * 10_000, ""),
        ("padding=" + "x" * 20_000 + "&lastEventId=42", ""),
        ("a=1&" * 500 + "last_event_id=42", ""),
        ("last_event_id={id}", "Last-Event-ID: 42\r\n"),
        ("", "Last-Event-ID: {id}\r\nLast-Event-ID: {id}\r\n"),
        ("", "Last-Event-ID: {id}, {id}\r\n"),
        ("", "last-event-id: " + "x" * 10_000 + "\r\n"),
        ("", "Last-Event-ID: \xff{id}\r\n"),
    ],
    ids=lambda value: value[:40],
)
def test_a_cursor_is_never_refused_or_passed_over(shared, tenant, of, fields, query, field):
    """A browser reconnects only after status 200 and 101. Query and header are sent exactly as written here."""
    [id] = shared.intake.publish(numbered(1, tenant, prefix=tenant))
    target = f"{of.path}?token={mint(tenant)}&workspace={tenant}&%zz=1&{query.format(id=id)}"
    edge = shared.shared_edge_of(of.executable)
    with socket.create_connection(("127.0.0.1", edge.http_port), timeout=20) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: edge\r\n{fields}{field.format(id=id)}\r\n".encode("latin-1"))
        seen = b""
        while b'"reason":"unknown_cursor"' not in seen:
            part = sock.recv(4096)
            assert part and len(seen) < 4096, f"no gap was told: {seen!r}"
            seen += part


#: The names under which clients send their place in the query: the contract's, those of EventSource polyfills, and of hand-written code.
SPELLINGS = ["last_event_id", "lastEventId", "lastEventID", "Last-Event-ID", "lasteventid", "last-event-id", "last%5Fevent%5Fid"]


@pytest.mark.parametrize(("of", "fields"), [(NotificationStream, ""), (WorkspaceStream, HANDSHAKE)], ids=["notification", "workspace"])
@pytest.mark.parametrize("place", [*SPELLINGS, "header", "header beside a query"])
def test_every_spelling_of_a_cursor_resumes(shared, tenant, of, fields, place):
    """`?lastEventId=`, the default of a widely used EventSource polyfill, was ignored: the client silently got live events only."""
    ids = shared.intake.publish(*(numbered(n, tenant, prefix=tenant) for n in range(3)))
    is_header = place.startswith("header")
    query = f"&{place}={ids[0]}" if not is_header else f"&lastEventId={ids[1]}" if "query" in place else ""
    field = f"lAsT-eVeNt-Id: {ids[0]}\r\n" if is_header else ""
    edge = shared.shared_edge_of(of.executable)
    with socket.create_connection(("127.0.0.1", edge.http_port), timeout=20) as sock:
        target = f"{of.path}?token={mint(tenant)}&workspace={tenant}{query}"
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: edge\r\n{fields}{field}\r\n".encode())
        seen = b""
        while ids[2].encode() not in seen:
            part = sock.recv(4096)
            assert part and len(seen) < 8192, f"what came after the cursor did not come: {seen!r}"
            seen += part
    assert ids[1].encode() in seen and b"stream.gap" not in seen


def test_an_edge_waits_for_an_event_that_another_edge_has_seen(stack, surface):
    """A cursor from the fastest of many edges is valid on every other one."""
    edges = stack.edges(2, surface.executable)
    for number in range(200):
        [id] = stack.intake.publish(surface.numbered(number))
        with surface.connect(edges[number % 2], mint(), cursor=id) as client:
            opening(client)
            if number % 20 == 0:
                expect_live(stack, client, "acme", number=10_000 + number)
            else:
                with pytest.raises(TimeoutError):
                    client.next(timeout=0.01)


# MARK: Another log under the same name


def test_a_log_that_was_deleted_and_created_again_is_another_log(stack, surface):
    """Running edges switch to it; old cursors are of another epoch, and every client gets one `stream.gap`."""
    edge = stack.edge(surface.executable, heartbeat_interval="1s")
    old = stack.intake.publish(*(surface.numbered(n) for n in range(10)))
    follower = Follower(surface, [edge], mint(), cursor=old[-1]).start()
    stack.bus.recreate_log()
    edge.wait_until(lambda: edge.readiness() == 200, "is ready with the new log", timeout=30)

    # The edge switches after a moment; this test does not consider events published before that.
    numbers = itertools.count(100)
    epoch = Cursor.parse(old[0]).epoch

    def on_the_new_log():
        stack.intake.publish_surely([surface.numbered(next(numbers))])
        follower.check()
        return [event for event in follower.events if Cursor.parse(event.id).epoch != epoch]

    first = eventually(on_the_new_log, "the follower gets events of the new log", timeout=30, interval=0.1)[0]
    stack.intake.publish(*(surface.numbered(next(numbers)) for _ in range(20)))
    last = next(numbers) - 1
    follower.wait_for(lambda events: events[-1].payload["n"] == last, f"event {last} arrives", timeout=15)
    follower.stop()
    assert [told.reason for told in follower.gaps] == [UNKNOWN], "the follower had to be told, once, that it lost its place"
    got = [event.payload["n"] for event in follower.events if Cursor.parse(event.id).epoch != epoch]
    assert got == list(range(first.payload["n"], last + 1)), "in order and without a hole after the gap"

    with surface.connect(edge, mint(), cursor=old[3]) as client:
        opening(client)
        assert gap(client).reason == UNKNOWN
        expect_live(stack, client, "acme")


def test_a_stream_that_cannot_begin_is_answered_so_that_a_browser_comes_back(stack, surface):
    """Without the bus the log's end is unknown: 200, and `unavailable`."""
    edge = stack.edge(surface.executable)
    stack.nats.kill()
    eventually(lambda: edge.readiness() == 503, "the edge is not ready without its bus")
    with surface.connect(edge, mint()) as client:
        client.expect_end("unavailable")
    stack.nats.start()
    edge.wait_ready()
    with surface.connect(edge, mint()) as client:
        opening(client)
        stack.intake.publish_surely([surface.numbered(1)])
        assert client.next_event().payload == {"n": 1}
