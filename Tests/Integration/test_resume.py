"""A client that disconnects at any time and resumes gets each event once and in order (contract §3), also when other processes are killed."""

import pytest

from causeway_kit.follower import Follower
from causeway_kit.intake import Flow
from causeway_kit.sizes import size
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

EVENTS = size(6_000, 20_000)
BREAKS = 50


def expect_exactly_the_log(stack, follower, tenant, user):
    """Compares the follower with the log: its tenant's events for everybody and for its user, in the log's order."""
    visible = [event for event in stack.bus.events() if event.tenant == tenant and event.user in (None, user)]
    got = [event.payload["n"] for event in follower.events]
    want = [int(event.id.rsplit("-", 1)[1]) for event in visible]
    if got != want:
        place = next((i for i, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), min(len(got), len(want)))
        raise AssertionError(
            f"{len(got)} events instead of {len(want)}; from place {place} {got[place : place + 8]} instead of {want[place : place + 8]} "
            f"(after {follower.breaks} breaks; missing: {sorted(set(want) - set(got))[:5]}, twice: {len(got) - len(set(got))})"
        )
    assert follower.gaps == [], "a gap was told where none was"


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
def test_each_event_once_and_in_order_over_many_breaks(stack, surface, chance):
    """Three clients of two users that disconnect at random, through two edges in turn."""
    edges = stack.edges(2, surface.executable)
    # Every third event is for one user, every third for another; so every client has to skip some.
    events = [surface.numbered(n, user=(None, "usr_1", "usr_2")[n % 3]) for n in range(EVENTS)]
    seen = EVENTS * 2 // 3

    def break_after():
        return chance.randint(1, 2 * seen // (BREAKS + 15))

    followers = [Follower(surface, edges, mint(user=user), break_after=break_after).start() for user in ("usr_1", "usr_2", "usr_2")]
    flow = Flow(stack.intake, events, rate=EVENTS / 10)
    flow.start()
    flow.finish(timeout=120)
    for follower, user in zip(followers, ("usr_1", "usr_2", "usr_2"), strict=True):
        follower.wait_for_count(seen, timeout=60)
        follower.stop()
        expect_exactly_the_log(stack, follower, "acme", user)
        assert follower.breaks >= BREAKS, f"only {follower.breaks} breaks: the test did not test"
        assert min(follower.visits.values()) >= BREAKS // 2, f"not both edges in turn: {follower.visits}"


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
def test_nothing_is_lost_when_the_bus_and_an_edge_are_killed(stack, surface, chance):
    """Meanwhile nats-server is killed with -9 and restarted, twice, and so is an edge."""
    edges = stack.edges(2, surface.executable)
    events = [surface.numbered(n) for n in range(EVENTS)]
    follower = Follower(surface, edges, mint(), break_after=lambda: chance.randint(1, 2 * EVENTS // (BREAKS + 15))).start()
    flow = Flow(stack.intake, events, rate=EVENTS / 15)
    flow.start()

    def reached(share):
        eventually(lambda: flow.accepted >= share * EVENTS, f"{share:.0%} of the events are accepted", timeout=120, interval=0.005)

    for share, victim in ((0.2, stack.nats), (0.4, edges[0]), (0.6, stack.nats), (0.8, edges[1])):
        reached(share)
        victim.kill()
        victim.start()
    flow.finish(timeout=240)

    stored = stack.bus.events()
    assert sorted(event.id for event in stored) == sorted(event["id"] for event in events), (
        "an acknowledged event is missing, or stored twice"
    )
    follower.wait_for_count(EVENTS, timeout=60)
    follower.stop()
    expect_exactly_the_log(stack, follower, "acme", "usr_1")
    assert follower.breaks >= BREAKS, f"only {follower.breaks} breaks: the test did not test"


def test_clients_live_through_a_restart_of_the_bus(stack, surface):
    """Connections stay open during an outage of the bus, and events published afterwards arrive on them."""
    edge = stack.edge(surface.executable, heartbeat_interval="1s")
    with surface.connect(edge, mint()) as client:
        client.next()
        stack.intake.publish(surface.numbered(1))
        assert client.next_event().payload == {"n": 1}
        stack.nats.kill()
        eventually(lambda: edge.readiness() == 503, "the edge is not ready without its bus")
        stack.nats.start()
        edge.wait_ready()
        stack.intake.publish_surely([surface.numbered(2)])
        assert client.next_event().payload == {"n": 2}


def test_both_edges_give_an_event_the_same_id(shared, edge, surface, tenant):
    other = shared.edge(surface.executable)
    with surface.connect(edge, mint(tenant)) as one, surface.connect(other, mint(tenant)) as two:
        one.next(), two.next()
        shared.intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(20)))
        assert one.events(20) == two.events(20)
