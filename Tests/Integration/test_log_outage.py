"""While the log is out of reach, open streams stay open and report it (contract §3)."""

import pytest

from causeway_kit.every_surface import on_streams
from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.surfaces import Heartbeat, Opened
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually


def standings(client, count, timeout=30):
    """Waits for that many reports about the log, and returns them; only these and heartbeats may arrive meanwhile."""

    def are_there():
        try:
            message = client.next(timeout=0.2)
        except TimeoutError:
            return len(client.standings) >= count
        assert message is None or isinstance(message, Heartbeat), message
        return len(client.standings) >= count

    eventually(are_there, f"{count} words about the log", timeout=timeout)
    return client.standings


@on_streams
@pytest.mark.parametrize("plain", [False, True], ids=["with a place", "plain"])
def test_streams_stay_open_say_so_and_go_on(stack, surface, plain):
    edge = stack.edge(surface.executable)
    with surface.connect(edge, mint(), plain=plain) as client:
        assert isinstance(client.next(), Opened)
        stack.nats.kill()
        assert standings(client, 1) == [False]
        assert edge.readiness() == 503
        stack.nats.start()
        assert standings(client, 2) == [False, True]
        eventually(lambda: stack.producer.readiness() == 200, "the intake is back")
        stack.intake.publish(surface.numbered(7))
        assert client.next_event().payload == {"n": 7}
        assert client.standings == [False, True]


def test_an_execution_stream_says_so(stack):
    edge = stack.edge()
    run = Executions(stack.intake, "agents", "a", "acme")
    run.progress(0.1)
    with ExecutionStream(edge, "agents", "a", mint()) as viewer:
        assert viewer.next()[1] == "progress"
        stack.nats.kill()
        assert standings(viewer, 1) == [False]
        stack.nats.start()
        assert standings(viewer, 2) == [False, True]
        eventually(lambda: stack.producer.readiness() == 200, "the intake is back")
        run.progress(0.2)
        assert viewer.next()[1] == "progress"
