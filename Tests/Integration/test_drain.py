"""SIGTERM: an edge ends its streams over its drain window and exits with 0; clients resume elsewhere and miss nothing (contract §11)."""

import signal
import time

import httpx
import pytest

from causeway_kit.every_surface import on_streams
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, numbered
from causeway_kit.sizes import size
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

WINDOW = 4


@on_streams
@pytest.mark.timeout(180)
def test_every_client_is_told_moves_on_and_misses_nothing(stack, surface):
    leaving, staying = stack.edges(2, surface.executable, drain_window=f"{WINDOW}s")
    count = size(30, 100)
    # A client that cannot reach an edge tries the next in its list.
    clients = [Follower(surface, [leaving, staying, staying], mint(user=f"usr_{n}")) for n in range(count)]
    for client in clients:
        client.start()
    events = [surface.numbered(n) for n in range(size(2_000, 10_000))]
    flow = Flow(stack.intake, events, rate=len(events) / (2 * WINDOW), batch=20)
    flow.start()
    eventually(lambda: flow.accepted > len(events) // 4, "the load is under way", timeout=60)

    begin = time.monotonic()
    leaving.terminate()
    assert leaving.wait(timeout=WINDOW + 15) == 0, f"exit code {leaving.exit_code}\n{leaving.log_tail()}"
    took = time.monotonic() - begin
    flow.finish(timeout=120)

    want = [event["payload"]["n"] for event in events]
    for client in clients:
        client.wait_for_count(len(want), timeout=60)
        client.stop()
        assert client.ends == ["draining"], f"{client.name} was told {client.ends} instead of one goodbye"
        assert [event.payload["n"] for event in client.events] == want, "an event is missing, came twice or out of order"
        assert client.gaps == []
    assert took < WINDOW + 5, f"the drain took {took:.1f} s"


@on_streams
def test_goodbyes_are_spread_over_the_window(stack, surface):
    """Clients that are disconnected at the same time would reconnect at the same time."""
    edge = stack.edge(surface.executable, drain_window=f"{WINDOW}s")
    clients = [surface.connect(edge, mint(user=f"usr_{n}")) for n in range(40)]
    for client in clients:
        client.next()
    begin = time.monotonic()
    edge.terminate()
    moments = []
    for client in clients:
        client.expect_end("draining", timeout=WINDOW + 10)
        moments.append(time.monotonic() - begin)
        client.close()
    assert edge.wait(timeout=10) == 0
    # Read one after the other, the moments of clients that were told earlier count as later: the spread is at least this.
    assert max(moments) > WINDOW / 2, f"all {len(clients)} goodbyes came within {max(moments):.1f} s of a window of {WINDOW} s"


def test_a_draining_edge_is_not_ready_and_sends_new_clients_away(stack):
    edge = stack.edge(drain_window="8s")
    url = edge.url + NotificationStream.path
    with SSEConnection(url, token=mint()) as client:
        client.next_block()
        edge.terminate()
        eventually(lambda: edge.readiness() == 503, "/readyz says 503", timeout=5)
        assert httpx.get(f"{edge.admin_url}/healthz").status_code == 200, "a draining process is alive"
        with SSEConnection(url, token=mint()) as late:
            # A browser's EventSource does not reconnect after any other status.
            assert late.status == 200
            blocks = [block.raw for block in iter(late.next_block, None)]
            assert b"retry: " in blocks[0] and blocks[-1].endswith(b'event: stream.end\ndata: {"reason":"draining"}\n\n'), blocks
        goodbye = client.next_block(timeout=10)
        assert (goodbye.event, goodbye.data, goodbye.id) == ("stream.end", '{"reason":"draining"}', None)
        assert goodbye.retry is not None, "the goodbye names no time to come back"
        assert client.next_block() is None
    assert edge.wait(timeout=15) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_edge_without_clients_stops_at_once(stack, surface, number):
    edge = stack.edge(surface.executable, drain_window="60s")
    edge.signal(number)
    assert edge.wait(timeout=10) == 0, edge.log_tail()


@on_streams
def test_a_second_sigterm_ends_it_now(stack, surface):
    edge = stack.edge(surface.executable, drain_window="120s")
    clients = [surface.connect(edge, mint(user=f"usr_{n}")) for n in range(20)]
    edge.terminate()
    eventually(lambda: edge.readiness() != 200, "it drains")
    assert edge.is_running
    edge.terminate()
    edge.wait(timeout=5)
    for client in clients:
        client.close()


def test_the_producer_finishes_what_it_has_begun(stack):
    """SIGTERM between two requests: acknowledged events are stored, later requests are refused, exit code 0."""
    flow = Flow(stack.intake, (numbered(n) for n in range(1_000_000)), batch=20)
    flow.start()
    eventually(lambda: flow.accepted > 200, "the flow is under way")
    stack.producer.terminate()
    assert stack.producer.wait(timeout=30) == 0, stack.producer.log_tail()
    stack.producer.start()
    stack.producer.wait_ready()
    flow.stop()
    stored = [event.id for event in stack.bus.events()]
    assert len(stored) == len(set(stored)) == flow.accepted
