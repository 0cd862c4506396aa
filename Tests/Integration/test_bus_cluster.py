"""A cluster of three nats-servers; the log has one replica, because Debian's 2.9 is not reliable with more (docs/operating.md)."""

import pytest

from causeway_kit.bus import Bus
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, Intake
from causeway_kit.nats_cluster import Cluster
from causeway_kit.services import Service
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually


@pytest.mark.timeout(240)
def test_services_move_over_and_wait_for_the_server_with_the_log(tmp_path):
    cluster, processes, bus, intake = Cluster(tmp_path), [], None, None
    try:
        cluster.start()
        settings = {"nats_url": cluster.url, "heartbeat_interval": "1h"}
        edge = Service("sse-edge", tmp_path, **settings)
        producer = Service("event-producer", tmp_path, arguments=("serve",), nats_url=cluster.url)
        processes += [edge, producer]
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready(timeout=60)
        bus, intake = Bus(cluster.url.split(",")), Intake(producer)
        client = Follower(NotificationStream(), [edge], mint()).start()
        flow = Flow(intake, (NotificationStream().numbered(n) for n in range(1_000_000)), rate=100, batch=5)
        flow.start()
        holder = cluster.nodes[bus.leader()]
        # The cluster puts a stream with one replica on any server, and no edge is ready without the revocations.
        needed = {holder, cluster.nodes[bus.leader("REVOCATIONS")]}

        def flows_on():
            before = flow.accepted
            eventually(lambda: flow.accepted > before + 50, "events are accepted", timeout=60)

        flows_on()
        for node in cluster.nodes.values():
            if node not in needed:
                node.kill()
                # The node before this one may still join the others: until it has, there is no majority.
                edge.wait_ready(timeout=60)
                flows_on()
                node.start()
                eventually(node.greets, "it is back")
        holder.kill()
        eventually(lambda: edge.readiness() == 503 and producer.readiness() == 503, "nobody is ready without the log", timeout=30)
        holder.start()
        for process in processes:
            process.wait_ready(timeout=60)
        flows_on()
        flow.stop()
        client.wait_for_count(flow.accepted, timeout=60)
        client.stop()
        assert [event.payload["n"] for event in client.events] == list(range(flow.accepted))
        assert client.gaps == []
    finally:
        if intake:
            intake.close()
        if bus:
            bus.close()
        for process in processes:
            process.kill()
        cluster.kill()
