"""An edge's memory never outlives the log (contract §3): edges of every age give the same answer to a cursor."""

import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.surfaces import Event, Gap, Opened
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

EXPIRED = "expired"


def answer(surface, edge, cursor, last, tenant="acme"):
    """Returns what a client with a cursor gets up to an event: ids of events, and gaps."""
    got = []
    with surface.connect(edge, mint(tenant), cursor=cursor) as client:
        assert isinstance(client.next(), Opened)
        while True:
            match client.next(timeout=10):
                case Event(id=id):
                    got.append(id)
                    if id == last:
                        return got
                case Gap(reason=reason, missed_before=missed_before):
                    got.append((reason, missed_before))
                case other:
                    raise AssertionError(f"neither an event nor a gap: {other}")


def expect(surface, edges, cursor, expected, tenant="acme"):
    """All edges give that answer, within 5 s."""
    for edge in edges:
        eventually(lambda edge=edge: answer(surface, edge, cursor, expected[-1], tenant) == expected, f"{edge.name} gives {expected}", timeout=5)


@pytest.fixture
def rich(stack, surface):
    """An edge that keeps everything in memory, encoded too because a client reads it."""
    edge = stack.edge(surface.executable)
    with surface.connect(edge, mint()):
        yield edge


def publish(stack, surface, count, *tenants, padding=0):
    """Events of tenants in turn; the ids by tenant."""
    ids = stack.intake.publish(*(surface.numbered(n, tenants[n % len(tenants)], prefix="n", padding=padding) for n in range(count)))
    return {tenant: ids[index :: len(tenants)] for index, tenant in enumerate(tenants)}


def test_a_deleted_event_is_delivered_by_no_edge(stack, surface, rich):
    """A client with a kept event's id gets the kept events; one with the deleted event's id misses nothing."""
    ids = publish(stack, surface, 10, "acme")["acme"]
    assert answer(surface, rich, ids[0], ids[-1]) == ids[1:]
    stack.bus.delete(Cursor.parse(ids[4]).sequence)
    late = stack.edge(surface.executable)
    left = [id for id in ids if id != ids[4]]
    expect(surface, (late, rich), ids[0], left[1:])
    expect(surface, (late, rich), "", left)
    expect(surface, (late, rich), ids[4], ids[5:])
    # Later events are delivered as before, also to clients that stayed connected.
    [last] = stack.intake.publish(surface.numbered(100))
    expect(surface, (late, rich), ids[-1], [last])


def test_a_tenant_whose_past_was_purged_is_told(stack, surface, rich):
    """No other client is."""
    ids = publish(stack, surface, 20, "acme", "globex")
    for tenant in ("acme", "globex"):
        assert answer(surface, rich, ids[tenant][0], ids[tenant][-1], tenant) == ids[tenant][1:]
    stack.bus.purge_tenant("acme")
    late = stack.edge(surface.executable)
    [last, other] = stack.intake.publish(surface.numbered(100), surface.numbered(101, "globex"))
    for cursor in (ids["acme"][0], ids["acme"][5]):
        expect(surface, (late, rich), cursor, [(EXPIRED, last), last])
    # It had seen everything; there is nothing that it missed.
    expect(surface, (late, rich), ids["acme"][-1], [last])
    expect(surface, (late, rich), "", [last])
    for cursor in (ids["globex"][0], ids["globex"][5]):
        place = ids["globex"].index(cursor)
        expect(surface, (late, rich), cursor, [*ids["globex"][place + 1 :], other], "globex")


def test_a_log_that_was_purged_from_its_beginning_is_told_by_every_edge(stack, surface, rich):
    ids = publish(stack, surface, 10, "acme")["acme"]
    assert answer(surface, rich, ids[0], ids[-1]) == ids[1:]
    stack.bus.purge(before=Cursor.parse(ids[6]).sequence)
    late = stack.edge(surface.executable)
    for cursor in (ids[0], ids[4]):
        expect(surface, (late, rich), cursor, [(EXPIRED, ids[6]), *ids[6:]])
    expect(surface, (late, rich), ids[5], ids[6:])
    expect(surface, (late, rich), "", ids[6:])


def test_what_has_expired_is_told_by_every_edge(stack, surface, rich):
    """One edge has all of it in memory, the other dropped it before it expired."""
    poor = stack.edge(surface.executable, event_log_tail_bytes="64KiB")
    ids = publish(stack, surface, 10, "acme", padding=20_000)["acme"]
    for edge in (rich, poor):
        assert answer(surface, edge, ids[0], ids[-1]) == ids[1:]
    # Shorter than a deployment may keep its events; the running edges do not mind.
    stack.bus.reconfigure(max_age=1, duplicate_window=1)
    eventually(lambda: stack.bus.state().messages == 0, "all has expired", timeout=15)
    stack.bus.reconfigure(max_age=3600, duplicate_window=120)
    [last] = stack.intake.publish(surface.numbered(100))
    expect(surface, (poor, rich), ids[3], [(EXPIRED, last), last])
    expect(surface, (poor, rich), ids[-1], [last])
    expect(surface, (poor, rich), "", [last])


def test_a_client_that_does_not_read_is_not_given_what_was_deleted(stack, surface):
    """It gets what its socket has buffered; of the rest, what the log still has when it reads on."""
    edge = stack.edge(surface.executable)
    with surface.connect(edge, mint(), cursor="", receive_buffer=4096) as client:
        ids = []
        for begin in range(0, 400, 20):
            ids += stack.intake.publish(*(surface.numbered(n, padding=20_000) for n in range(begin, begin + 20)))
        doomed = ids[300:390:7]
        for id in doomed:
            stack.bus.delete(Cursor.parse(id).sequence)
        # The edge has noticed when no client gets them any more.
        eventually(lambda: doomed[-1] not in answer(surface, edge, ids[380], ids[-1]), "the edge forgets them", timeout=5)
        got = []
        assert isinstance(client.next(), Opened)
        while not got or got[-1] != ids[-1]:
            got.append(client.next_event().id)
        assert got == [id for id in ids if id not in doomed]
