"""No event reaches another tenant's connection, or another user's: live, replayed, and for all tenant names."""

import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.intake import Flow
from causeway_kit.sizes import size
from causeway_kit.surfaces import Event, Heartbeat, Opened
from causeway_kit.tokens import mint

#: Names that are one another's prefixes, spellings or wildcards on the bus; two tenants share their user ids.
TENANTS = ["acme", "acme.eu", "*"]
USERS = ["usr_1", "usr_2", "usr_1.usr_2"]
EVENTS = size(900, 9_000)


def scattered(surface, chance):
    """Events for all tenants and users in a random mix; a third of them are for everybody in their tenant."""
    for number in range(EVENTS):
        yield surface.numbered(number, chance.choice(TENANTS), user=chance.choice([None, *USERS]))


def visible(log, tenant, user):
    return [event.id for event in log if event.tenant == tenant and event.user in (None, user)]


def received(client, count):
    """Returns the producers' ids of the next events, and checks that no further ones follow."""
    ids = []
    while len(ids) < count:
        message = client.next(timeout=30)
        if isinstance(message, Event):
            ids.append(f"n-{message.payload['n']}")
        else:
            assert isinstance(message, Opened | Heartbeat), f"an event was due, not {message}"
    return ids


def expect_silence(client, log):
    """Nothing but heartbeats follows, up to one that says that the edge has been through all of the log."""
    if not client.surface.has_heartbeats:
        client.probe()
        message = client.next()
        assert isinstance(message, Heartbeat), f"nothing more was due, but there came {message}"
        return
    while True:
        message = client.next()
        assert isinstance(message, Heartbeat), f"nothing more was due, but there came {message}"
        if Cursor.parse(message.id).sequence >= log[-1].sequence:
            return


@pytest.mark.long
@pytest.mark.timeout(size(180, 600))
def test_every_connection_sees_its_own_events_and_no_others(stack, surface, chance):
    edges = stack.edges(2, surface.executable, heartbeat_interval="1s")
    everyone = [(tenant, user) for tenant in TENANTS for user in USERS]
    live = {who: surface.connect(edges[index % 2], mint(*who)) for index, who in enumerate(everyone)}
    for client in live.values():
        assert isinstance(client.next(), Opened)

    flow = Flow(stack.intake, scattered(surface, chance), batch=50)
    flow.start()
    flow.finish(timeout=120)
    log = stack.bus.events()
    assert len(log) == EVENTS

    for index, who in enumerate(everyone):
        want = visible(log, *who)
        assert received(live[who], len(want)) == want, f"live, {who}"
        expect_silence(live[who], log)
        live[who].close()
        # Everything again on the other edge, from the oldest event on.
        with surface.connect(edges[(index + 1) % 2], mint(*who), cursor="") as replay:
            assert received(replay, len(want)) == want, f"replayed, {who}"
            expect_silence(replay, log)


def test_an_edge_that_starts_afterwards_replays_no_one_elses_events(stack, surface, chance):
    """Read from the stream: this edge keeps almost nothing in memory."""
    stack.intake.publish(*(event for event in scattered(surface, chance) if event["payload"]["n"] < 200))
    edge = stack.edge(surface.executable, heartbeat_interval="1s", event_log_tail_bytes="64KiB")
    log = stack.bus.events()
    for tenant in TENANTS:
        for user in USERS:
            want = visible(log, tenant, user)
            with surface.connect(edge, mint(tenant, user), cursor="") as client:
                assert received(client, len(want)) == want, f"{tenant}, {user}"
                expect_silence(client, log)


def test_a_cursor_of_another_tenant_is_only_a_place_in_time(shared, edge, surface, tenant):
    """Cursors are not secret and grant no access: resuming with another tenant's cursor delivers one's own events after it."""
    other = f"{tenant}_other"
    theirs = shared.intake.publish(surface.numbered(1, other, prefix=tenant))
    mine = shared.intake.publish(surface.numbered(2, tenant, prefix=tenant))
    shared.intake.publish(surface.numbered(3, other, prefix=tenant))
    with surface.connect(edge, mint(tenant), cursor=theirs[0]) as client:
        assert isinstance(client.next(), Opened)
        assert client.next_event().id == mine[0]
        last = shared.intake.publish(surface.numbered(4, tenant, prefix=tenant))
        assert client.next_event().id == last[0]
