"""Every service is restarted, one by one, under load and behind the proxy, and clients see only a reconnect."""

import pytest

from causeway_kit.approvals import ApprovalClient, DecisionLog, approval_services, requested
from causeway_kit.every_surface import STREAMS
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, Intake
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.sizes import size
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually

#: Of nginx, which is the one that `make run` and the containers use. The others are tried with fewer.
CLIENTS = size(30, 500)
#: Events a second. Each of them is read by every client, in one Python process.
RATE = size(100, 20)


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
@pytest.mark.parametrize(("kind", "count"), [(Nginx, CLIENTS), (Caddy, 12), (HAProxy, 12)], ids=["nginx", "caddy", "haproxy"])
def test_a_rolling_restart_loses_doubles_and_reorders_nothing(stack, kind, count):
    services = {surface.executable: stack.edges(2, surface.executable, drain_window="4s") for surface in STREAMS}
    services["event-producer"] = [stack.producer, stack.start("event-producer", "serve").wait_ready()]
    services["approval-api"] = approval_services(stack, 2)
    proxy = stack.add(kind(stack.directory, services)).wait_ready()
    admin = ApprovalClient(proxy, "globex")

    # Every surface delivers the relay's types of events.
    carrier = STREAMS[-1]
    clients = [Follower(STREAMS[n % len(STREAMS)], [proxy], mint(user=f"usr_{n}")) for n in range(count)]
    for client in clients:
        client.start()
    intake = Intake(proxy)
    flow = Flow(intake, (carrier.numbered(n) for n in range(1_000_000)), rate=RATE, batch=2)
    flow.start()
    eventually(lambda: flow.accepted >= 20, "the load is under way")

    for instances in services.values():
        for instance in instances:
            before = flow.accepted
            instance.terminate()
            assert instance.wait(timeout=30) == 0, instance.log_tail()
            instance.start()
            instance.wait_ready()
            eventually(lambda before=before: flow.accepted > before + 10, "events are accepted again")
            approval = f"app_{instance.name}"
            intake.publish_surely([requested(approval, "globex")])
            eventually(lambda approval=approval: admin.decide(approval, key=approval).status_code == 200, "an approval is decided")
    DecisionLog(stack).expect_one(approval, "globex")
    if kind is Nginx:
        proxy.signal_reload()
        before = flow.accepted
        eventually(lambda: flow.accepted > before + 10, "events are accepted after nginx has read its configuration again")
    flow.stop()
    intake.close()

    for client in clients:
        client.wait_for_count(flow.accepted, timeout=120)
    for client in clients:
        client.stop()
        numbers = [_number(client.surface, event) for event in client.events]
        assert numbers == list(range(flow.accepted)), f"{client.name}: an event is missing, came twice or out of order"
        assert client.gaps == [], f"{client.name} was told a gap"
        assert "draining" in client.ends, f"{client.name} was never sent away: {client.ends}"
    stored = [event.id for event in stack.bus.events() if event.tenant == "acme"]
    assert len(stored) == len(set(stored)) == flow.accepted
    expect_no_token("what the proxy has written", proxy.everything_written())


def _number(surface, event):
    assert surface.carries_everything == ("incidentId" in event.payload)
    return event.payload["n"]


def test_one_instance_of_each_is_enough_for_clients_to_come_back(stack):
    """No instance is available while it restarts. Streams are told to reconnect, and producers to retry."""
    edge = stack.edge(drain_window="1s")
    proxy = stack.add(Nginx(stack.directory, {"sse-edge": [edge], "event-producer": [stack.producer]})).wait_ready()
    client = Follower(NotificationStream(), [proxy], mint()).start()
    intake = Intake(proxy)
    flow = Flow(intake, (NotificationStream().numbered(n) for n in range(1_000_000)), rate=200, batch=5)
    flow.start()
    for service in (edge, stack.producer):
        before = flow.accepted
        service.terminate()
        assert service.wait(timeout=20) == 0
        if service is edge:
            eventually(lambda: "unavailable" in client.ends, "the client is told to come back")
        service.start()
        service.wait_ready()
        eventually(lambda before=before: flow.accepted > before + 50, "events are accepted again")
    flow.stop()
    intake.close()
    client.wait_for_count(flow.accepted, timeout=30)
    client.stop()
    assert [event.payload["n"] for event in client.events] == list(range(flow.accepted))
