"""A client that does not read costs no memory, does not slow others, and gets everything when it reads again (design: laggards)."""

import time

import pytest

from causeway_kit.crowd import Crowd, drain_socket
from causeway_kit.every_surface import on_streams_of_everything
from causeway_kit.intake import Flow
from causeway_kit.sizes import size
from causeway_kit.surfaces import Event, Opened
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

HEALTHY = 200
EVENTS = size(6_000, 50_000)
PADDING = size(3_000, 1_000)
#: Bytes that fill whatever an edge keeps of the past for everybody (its pages and its tail), before anything is measured.
WARM_UP = 80 << 20


def publish(stack, surface, numbers, padding):
    flow = Flow(stack.intake, (surface.numbered(n, padding=padding) for n in numbers), batch=200 if padding < 10_000 else 20)
    flow.start()
    flow.finish(timeout=400)


def what_all_got(crowd):
    """The length and digest of it; None while somebody has less. Somewhere in each hour everybody's heartbeat is due: a few may have had theirs."""
    (common, count), *others = crowd.digests().most_common()
    return common if count > HEALTHY - 10 and all(length > common[0] for (length, _), _ in others) else None


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(size(240, 1200))
@on_streams_of_everything
def test_a_stalled_reader_among_many_healthy_ones(stack, surface):
    """All clients get the same bytes, so that two hundred of them can be compared by digest."""
    # Hardly a heartbeat in the meantime: then every byte after the opening is an event's.
    edge = stack.edge(surface.executable, heartbeat_interval="1h", event_log_tail_bytes=8 << 20)

    # Stays to the end: what an edge keeps for readers of a tenant goes when the last of them does.
    witness = Crowd([surface.connect(edge, mint(user="usr_witness"), plain=True)])
    publish(stack, surface, range(-(WARM_UP // 20_000), 0), padding=20_000)
    eventually(lambda: witness.least >= WARM_UP, "the warm-up is read", timeout=120)

    crowd = Crowd([surface.connect(edge, mint(user=f"usr_{n}"), plain=True) for n in range(HEALTHY)])
    stalled = surface.connect(edge, mint(user="usr_stalled"), plain=True, receive_buffer=4096)
    assert isinstance(stalled.next(), Opened)
    try:
        # How fast the healthy ones are served while nobody stalls: all events so far fit into the stalled one's buffers.
        begin, few = time.monotonic(), EVENTS // 10
        publish(stack, surface, range(few), padding=0)
        eventually(lambda: crowd.least >= few * surface.smallest_event, "the healthy readers get the first events", timeout=60)
        unhindered = time.monotonic() - begin

        memory = edge.memory
        begin = time.monotonic()
        # Wait for the healthy readers after each batch, so that they never lag. Each laggard reads the log through a buffer of 64 KiB, which
        # would count as growth.
        turn, backlog = EVENTS // 50, 0
        for first in range(few, EVENTS, turn):
            publish(stack, surface, range(first, first + turn), padding=PADDING)
            backlog += turn * (surface.smallest_event + PADDING)
            eventually(lambda: crowd.least >= few * surface.smallest_event + backlog, "the healthy readers get the events of a turn", timeout=60)
        delivered = time.monotonic() - begin
        grown = edge.memory - memory

        # All healthy readers are sent the same; wait until the last byte has come to everyone.
        total, digest = eventually(lambda: what_all_got(crowd), "the healthy readers got the same", timeout=60)
        print(
            f"{EVENTS} events to {HEALTHY} readers: the first {few} in {unhindered:.1f} s, the rest in {delivered:.1f} s; "
            f"backlog {backlog >> 20} MiB, memory grew by {grown >> 10} KiB"
        )
        assert grown < backlog / 4, f"the edge's memory grew by {grown >> 10} KiB with a backlog of {backlog >> 10} KiB"

        assert drain_socket(stalled, total, timeout=60) == (total, digest), "the stalled reader was sent something else than the others"
    finally:
        crowd.close()
        witness.close()
        stalled.close()


@pytest.mark.long
@pytest.mark.timeout(size(180, 600))
def test_a_reader_that_stalls_now_and_then_gets_everything_in_order(stack, surface, chance):
    """Its place leaves the edge's memory again and again; the log serves it. Heartbeats and another user's events lie in between."""
    edge = stack.edge(surface.executable, heartbeat_interval="1s", event_log_tail_bytes=1 << 20)
    count = size(3_000, 20_000)
    events = [surface.numbered(n, user=(None, None, "usr_other")[n % 3], padding=2_000) for n in range(count)]
    want = [n for n in range(count) if n % 3 != 2]
    with surface.connect(edge, mint(), receive_buffer=8192) as client:
        assert isinstance(client.next(), Opened)
        flow = Flow(stack.intake, events, batch=200)
        flow.start()
        got = []
        stall_at = sorted(chance.sample(range(len(want)), 5))
        while len(got) < len(want):
            if stall_at and len(got) >= stall_at[0]:
                stall_at.pop(0)
                goal = min(flow.accepted + count // 5, count)
                eventually(lambda: flow.accepted >= goal, f"{goal} events are accepted", timeout=60)
            message = client.next(timeout=60)
            if isinstance(message, Event):
                got.append(message.payload["n"])
        flow.finish(timeout=60)
        assert got == want
