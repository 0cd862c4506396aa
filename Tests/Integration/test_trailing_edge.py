"""No accepted event is lost silently (contract §3): when the log's old end moves, and when the log was restored from an older copy."""

import threading

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.cursors import Cursor
from causeway_kit.executions import Executions
from causeway_kit.intake import Flow
from causeway_kit.sizes import size
from causeway_kit.sse import ProtocolViolation
from causeway_kit.surfaces import Closed, Event, Gap, Heartbeat, Opened
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

EXPIRED, UNKNOWN = "expired", "unknown_cursor"
SESSIONS = size(12, 40)
LOG_BYTES = size(1, 4) << 20
RATE = size(2_000, 6_000)


def _follow(surface, edge, cursor, until):
    """Reads from an expired cursor until an event behind sequence `until`. Every sequence in between is delivered or reported as missing, in order.

    Returns the gaps that were told. A connection may be cut in the middle of an event that the log dropped; its client comes back with what it has.
    """
    place, gaps, cuts = Cursor.parse(cursor).sequence, [], 0
    while place < until:
        assert cuts < 10, f"cut {cuts} times"
        with surface.connect(edge, mint(), cursor=cursor) as client:
            place, cursor = _read(client, place, cursor, until, gaps)
        cuts += 1
    return gaps


def _read(client, place, cursor, until, gaps):
    while place < until:
        try:
            message = client.next(timeout=30)
        except ProtocolViolation:
            return place, cursor
        match message:
            case Gap(id, reason, missed_before):
                assert reason == EXPIRED, f"{reason} at {place}"
                before = Cursor.parse(missed_before).sequence
                assert before > place + 1, f"told of a gap before {before} at {place}, where nothing is missing"
                assert Cursor.parse(id).sequence == before - 1
                place, cursor = before - 1, id
                gaps.append(before)
            case Event(id=id):
                sequence = Cursor.parse(id).sequence
                assert sequence == place + 1, f"after {place} came {sequence}: {sequence - place - 1} events without a word (gaps: {gaps})"
                place, cursor = sequence, id
            case Opened() | Heartbeat():
                pass
            case Closed():
                break
            case other:
                raise AssertionError(f"neither an event nor a gap: {other}")
    return place, cursor


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
def test_what_the_log_drops_while_a_client_is_answered_is_delivered_or_told(stack, surface):
    """A small log that is written at full speed, and clients with expired cursors: served from memory, and from the log."""
    stack.bus.reconfigure(max_bytes=LOG_BYTES)
    edges = [stack.edge(surface.executable), stack.edge(surface.executable, event_log_tail_bytes="64KiB", page_bytes="1MiB")]
    [first] = stack.intake.publish(surface.numbered(0))
    flow = Flow(stack.intake, (surface.numbered(n, padding=200) for n in range(1, 100_000_000)), rate=RATE, batch=500)
    flow.start()
    try:
        eventually(lambda: stack.bus.state().first_seq > 1_000, "the log drops its oldest", timeout=60)
        failures, told = [], []

        def session(number):
            try:
                told.append(_follow(surface, edges[number % 2], first, until=stack.bus.state().last_seq + 200))
            except BaseException as failure:  # it is raised again in the test's own thread
                failures.append(failure)

        for begin in range(0, SESSIONS, 4):
            threads = [threading.Thread(target=session, args=(number,)) for number in range(begin, begin + 4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert not failures, f"{len(failures)} of {SESSIONS} sessions: {failures[0]}"
        # An edge learns once a second what the log still has: the first clients may get everything from its memory.
        assert 2 * sum(map(bool, told)) > len(told), f"the cursor had expired, and few were told: {told}"
    finally:
        flow.stop()


def _stopped(nats, act):
    """Stops the bus gracefully, calls `act`, and restarts the bus."""
    nats.terminate()
    nats.wait(20)
    act()
    nats.start()


@pytest.mark.parametrize("written", [5, 60], ids=["short of the place", "beyond the place"])
def test_a_log_that_was_restored_and_written_on_is_another(stack, surface, written):
    edge = stack.edge(surface.executable, heartbeat_interval="1s")
    copy = stack.directory / "copy"
    common = stack.intake.publish(*(surface.numbered(n, prefix="common") for n in range(10)))
    _stopped(stack.nats, lambda: stack.nats.copy_store(copy))
    edge.wait_ready()
    with surface.connect(edge, mint(), cursor=common[-1]) as client:
        assert isinstance(client.next(), Opened)
        lost = stack.intake.publish_surely([surface.numbered(n, prefix="lost") for n in range(30)])
        assert [event.id for event in client.events(30)] == lost
        beat = None
        if surface.has_heartbeats:
            while not isinstance(beat, Heartbeat):
                beat = client.next()
        _stopped(stack.nats, lambda: stack.nats.restore_store(copy))
        new = stack.intake.publish_surely([surface.numbered(n, prefix="new") for n in range(written)])
        edge.wait_ready()
        # The live client gets one gap before any event of the restored log.
        while isinstance(message := client.next(timeout=30), Heartbeat):
            pass
        assert isinstance(message, Gap) and message.reason == UNKNOWN, f"the client had to be told, not {message}"
        [last] = stack.intake.publish(surface.numbered(1_000))
        while (event := client.next_event()).id != last:
            assert event.id in new
    late = stack.edge(surface.executable)
    for server in (edge, late):
        # Cursors of the lost history are unknown, even if the restored log reaches further; cursors of the common history remain valid.
        for cursor in [lost[0], lost[min(written, 28) // 2], lost[-1]] + ([beat.id] if beat else []):
            with surface.connect(server, mint(), cursor=cursor) as client:
                assert isinstance(client.next(), Opened)
                message = client.next()
                assert isinstance(message, Gap) and message.reason == UNKNOWN, f"{server.name}, {cursor}: {message}"
        with surface.connect(server, mint(), cursor=common[3]) as client:
            assert isinstance(client.next(), Opened)
            assert [event.id for event in client.events(6 + written + 1)] == [*common[4:], *new, last]
        with surface.connect(server, mint(), cursor=new[2]) as client:
            assert isinstance(client.next(), Opened)
            assert client.next_event().id == new[3]


def test_places_that_now_hold_executions_are_of_another_log(stack, surface):
    """The message at a cursor's sequence is compared, event or not; a cursor without a time matches no message."""
    edge = stack.edge(surface.executable)
    copy = stack.directory / "copy"
    common = stack.intake.publish(*(surface.numbered(n, prefix="common") for n in range(3)))
    _stopped(stack.nats, lambda: stack.nats.copy_store(copy))
    lost = stack.intake.publish_surely([surface.numbered(n, prefix="lost") for n in range(5)])
    _stopped(stack.nats, lambda: stack.nats.restore_store(copy))
    stack.producer.wait_ready()
    Executions(stack.intake, "agents", "writer", "acme").progress(*(n / 10 for n in range(8)))
    [new] = stack.intake.publish(surface.numbered(1_000))
    edge.wait_ready()
    late = stack.edge(surface.executable)
    timeless = Cursor.parse(common[1])._replace(time=0).text
    for server in (edge, late):
        for cursor in (lost[0], lost[4], timeless):
            with surface.connect(server, mint(), cursor=cursor) as client:
                assert isinstance(client.next(), Opened)
                message = client.next()
                assert isinstance(message, Gap) and message.reason == UNKNOWN, f"{server.name}, {cursor}: {message}"
        with surface.connect(server, mint(), cursor=common[1]) as client:
            assert isinstance(client.next(), Opened)
            assert [event.id for event in client.events(2)] == [common[2], new]


def test_the_notification_list_follows_a_log_that_was_restored(stack):
    """The read model compares the last entry that it has read; a file with another history is rebuilt."""
    service = approval_service(stack).wait_ready()
    client, copy = ApprovalClient(service), stack.directory / "copy"

    def publish(*ids):
        stack.intake.publish_surely([requested(id) for id in ids])

    def listed():
        try:
            answer = client.approvals(limit=100)
        except httpx.TransportError:
            return None
        return {item["approvalId"] for item in answer.json()["items"]} if answer.status_code == 200 else None

    publish("common")
    eventually(lambda: listed() == {"common"}, "the first one is listed")
    _stopped(stack.nats, lambda: stack.nats.copy_store(copy))
    publish("lost-1", "lost-2")
    eventually(lambda: listed() == {"common", "lost-1", "lost-2"}, "all are listed", timeout=30)
    _stopped(stack.nats, lambda: stack.nats.restore_store(copy))
    new = [f"new-{number}" for number in range(6)]
    publish(*new)
    eventually(lambda: listed() == {"common", *new}, "what is listed is what the log holds", timeout=30)
    assert "lost" not in str(listed())
    # A process with a file of the other history.
    service.terminate()
    service.wait(30)
    _stopped(stack.nats, lambda: stack.nats.restore_store(copy))
    newer = [f"newer-{number}" for number in range(20)]
    publish(*newer)
    service.start()
    eventually(lambda: listed() == {"common", *newer}, "what is listed is what the log holds", timeout=30)
