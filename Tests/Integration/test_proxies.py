"""One origin in front of all services (docs/proxies.md): no buffering, no duplicates, no logged tokens, changing instances."""

import asyncio
import json
import socket
import subprocess
import threading

import httpx
import pytest
from websockets.asyncio.client import connect as connect_websocket

from causeway_kit.approvals import ApprovalClient, approval_services, requested
from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, Intake
from causeway_kit.names import NameServer
from causeway_kit.ports import free_port
from causeway_kit.programs import COMMANDS
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.relay import Relay
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

STREAM = NotificationStream.path
EDGES = (NotificationStream.executable, WorkspaceStream.executable, Relay.executable)


@pytest.fixture(scope="module")
def deployment(shared):
    """Two of each edge, and the producer."""
    edges = {program: [shared.shared_edge_of(program), shared.edge(program)] for program in EDGES}
    return edges | {"event-producer": [shared.producer], "approval-api": approval_services(shared, 2)}


@pytest.fixture(scope="module")
def nginx(shared, deployment):
    """nginx in front of all of them."""
    proxy = shared.add(Nginx(shared.directory, deployment)).wait_ready()
    yield proxy
    expect_no_token("what nginx has written", proxy.everything_written())
    shared.remove(proxy)


class Curl:
    """A curl that follows a stream, as in the documentation."""

    def __init__(self, proxy, url, *options):
        command = ["curl", "-sS", "-N", "--cacert", proxy.certificate, *options, url]
        self._process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def line(self, beginning):
        """Returns the next line with that prefix."""
        for line in self._process.stdout:
            if line.startswith(beginning):
                return line.rstrip("\n")
        raise AssertionError(f"curl ended with code {self._process.wait()}, and without a line {beginning}…")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


# MARK: Streams


def test_events_flow_and_clients_resume_through_it(shared, nginx, surface, tenant):
    token = mint(tenant)
    intake = Intake(nginx, producer_token())
    with surface.connect(nginx, token) as client:
        client.next()
        ids = intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(20)))
        seen = client.events(20)
        assert [event.payload["n"] for event in seen] == list(range(20)) and [event.id for event in seen] == ids
        client.cut()
    ids += intake.publish(*(surface.numbered(n, tenant, prefix=tenant) for n in range(20, 40)))
    # Both edges, whichever nginx gives the connection to.
    for _ in range(4):
        with surface.connect(nginx, token, cursor=ids[9]) as client:
            client.next()
            assert [event.id for event in client.events(30)] == ids[10:]
    intake.close()


def test_clients_are_spread_over_the_edges(shared, nginx, deployment, surface, tenant):
    edges = deployment[surface.executable]
    # From a known cursor: a long poll would request one first, and nginx's round robin would send each client's second request to the same edge.
    [place] = shared.intake.publish(surface.numbered(0, tenant, prefix=tenant))
    before = [edge.metrics()["causeway_edge_connections"] for edge in edges]
    clients = [surface.connect(nginx, mint(tenant), cursor=place) for _ in range(20)]
    for client in clients:
        client.next()
    more = [edge.metrics()["causeway_edge_connections"] - was for edge, was in zip(edges, before, strict=True)]
    for client in clients:
        client.close()
    assert min(more) >= 5, f"20 connections became {more}"


def test_http2_over_tls_carries_several_streams(shared, nginx, tenant):
    """Like a browser: one connection, one certificate, and immediate events on all streams."""
    with Curl(nginx, nginx.tls_url + STREAM, "--http2", "-i", "-H", f"Authorization: Bearer {mint(tenant)}") as one:
        assert one.line("HTTP/") == "HTTP/2 200 "
        one.line("id: ")
        [id] = shared.intake.publish(NotificationStream().numbered(1, tenant, prefix=tenant))
        assert one.line("id: ") == f"id: {id}"
    target = f"{nginx.tls_url}{STREAM}?token={mint(tenant)}"
    with Curl(nginx, target, "--http2", "-Z", target, "-H", "Last-Event-ID;") as many:
        assert [many.line("event: "), many.line("event: ")] == ["event: load.tick"] * 2


@pytest.mark.parametrize("path", [WorkspaceStream.path, Relay.path])
def test_websockets_over_tls(nginx, path, tenant):
    url = f"{nginx.tls_url.replace('https', 'wss')}{path}?token={mint(tenant)}&workspace={tenant}"
    # A page of the same origin: the edge compares its host with the one that the proxy was asked for.

    async def first_message():
        async with connect_websocket(url, ssl=nginx.trust, origin=nginx.tls_url) as client:
            return json.loads(await asyncio.wait_for(client.recv(), 10))

    # Not the client with threads: it reads TLS 1.3's session tickets in one while it writes its request in another. The ssl module of
    # Python 3.11 does not keep the two apart, and of some hundred requests one is never sent.
    message = asyncio.run(first_message())
    assert "connected" in (message.get("type"), message.get("method"))


def test_nginx_obeys_the_header_by_which_edges_refuse_buffering(shared, deployment, tenant):
    """Without buffering settings in the configuration: nginx would otherwise buffer 4 KiB and more before the client gets a byte."""
    proxy = Nginx(shared.directory, deployment, name="nginx-buffering", edit=lambda text: text.replace("proxy_buffering off;", ""))
    shared.add(proxy).wait_ready()
    with SSEConnection(proxy.url + STREAM, token=mint(tenant)) as client:
        client.next_block()
        for n in range(3):
            [id] = shared.intake.publish(NotificationStream().numbered(n, tenant, prefix=tenant))
            assert client.next_block(timeout=5).id == id
        # A further proxy before this one may want to know as well.
        assert client.headers["x-accel-buffering"] == "no"
    shared.remove(proxy)


def test_execution_streams_are_followed_through_it(shared, nginx, tenant):
    """From a stream that waits for its first event to the final 204, with a name that needs escaping."""
    intake = Intake(nginx, producer_token())
    agent, token = Executions(intake, "agents", "planner/eu é 1", tenant), mint(tenant)
    with ExecutionStream(nginx, agent.kind, agent.name, token, wait="true") as viewer:
        assert viewer.status == 200
        for n in range(3):
            agent.progress(n / 10)
            # Each at once: nothing comes behind it that could push it through a buffer.
            assert viewer.next(timeout=5)[0] == n + 1
    agent.progress(0.8)
    agent.publish(("complete", {"result": "done", "duration": 1}))
    with ExecutionStream(nginx, agent.kind, agent.name, token, last=2) as resumed:
        assert [id for id, _, _ in resumed.rest()] == [3, 4, 5] and resumed.is_over
    with ExecutionStream(nginx, agent.kind, agent.name, token, last=5) as over:
        assert over.status == 204
    with ExecutionStream(nginx, "workflows", "none", token) as unknown:
        assert unknown.status == 404 and unknown.error()["error"] == "not_found"
    intake.close()


# MARK: Requests and refusals


def test_approvals_and_notifications_are_of_the_same_origin(shared, nginx, tenant):
    admin = ApprovalClient(nginx, tenant)
    shared.intake.publish(requested(f"app_{tenant}", tenant))
    assert admin.decide(f"app_{tenant}").status_code == 200
    # The other replica has it too.
    assert [admin.decide(f"app_{tenant}", "reject").status_code for _ in range(4)] == [409] * 4
    assert admin.notifications().status_code == admin.send("GET", "/openapi.json").status_code == 200


def test_a_request_keeps_its_id_on_its_way(nginx, deployment, tenant):
    answer = httpx.get(nginx.url + Relay.path.replace("connect", "relay/status"), headers={"X-Request-Id": f"mine.{tenant}"})
    assert answer.status_code == 401 and answer.headers["x-request-id"] == f"mine.{tenant}"
    eventually(lambda: any(f"mine.{tenant}" in edge.log for edge in deployment[Relay.executable]), "the service's log has the id")
    eventually(lambda: [line for line in nginx.accesses if line["requestId"] == f"mine.{tenant}"], "the access log has the id")
    # An invalid id is replaced.
    answer = httpx.get(nginx.url + "/v1/relay/status", headers={"X-Request-Id": "two words"})
    assert answer.headers["x-request-id"].isalnum()


def test_refusals_come_from_the_services_unchanged(nginx):
    refused = httpx.get(nginx.url + STREAM)
    assert refused.status_code == 401 and refused.json()["error"] == "unauthorized" and refused.headers["www-authenticate"] == "Bearer"
    nowhere = httpx.get(nginx.url + "/metrics")
    assert nowhere.status_code == 404 and nowhere.json()["error"] == "not_found" and nowhere.headers["x-request-id"]
    large = httpx.post(nginx.url + "/v1/events", content=b"x" * 21_000_000)
    assert large.status_code == 413 and large.json()["error"] == "payload_too_large"


def test_no_token_is_written_down_whatever_happens(shared, tmp_path, tenant):
    """Not even in nginx's error log, which contains the request line of failed requests."""
    [dead, mute] = free_port(), socket.create_server(("127.0.0.1", 0))
    services = {program: [f"127.0.0.1:{dead}"] for program in EDGES} | {"event-producer": [f"127.0.0.1:{mute.getsockname()[1]}"]}
    proxy = shared.add(Nginx(shared.directory, services, name="nginx-alone")).wait_ready()
    token = mint(tenant)
    queries = (f"{STREAM}?token={token}", f"/v1/stream?token={token}&workspace=x", f"/v1/connect?TOKEN={token}", f"/nowhere?token={token}")
    for path in queries:
        httpx.get(proxy.url + path, headers={"Referer": f"http://x/?token={token}", "Authorization": f"Bearer {token}"})
    httpx.get(f"{proxy.url}/{token}", headers={"X-Request-Id": token})
    httpx.get(f"{proxy.url}/v1/stream%3Ftoken={token}")
    with pytest.raises(httpx.TimeoutException):
        httpx.post(f"{proxy.url}/v1/events?token={token}", timeout=0.5)
    with socket.create_connection(("127.0.0.1", proxy.http_port)) as broken:
        broken.sendall(f"GET {STREAM}?token={token} HTTP/1.1\r\nHost: two\r\nHost: hosts\r\nToken {token}\r\n\r\n".encode())
        broken.recv(4096)
    eventually(lambda: len(proxy.accesses) >= 8, "all of it is in the access log")
    expect_no_token("what nginx has written", proxy.everything_written())
    mute.close()
    shared.remove(proxy)


def test_clients_of_a_stream_that_is_not_served_come_back(shared):
    """An EventSource reconnects only after status 200; other clients need the error status."""
    services = {program: [f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"] for program in COMMANDS}
    proxy = shared.add(Nginx(shared.directory, services, name="nginx-nobody")).wait_ready()
    retries = set()
    for _ in range(20):
        with SSEConnection(proxy.url + STREAM, token=mint()) as client:
            assert client.status == 200 and client.headers["content-type"] == "text/event-stream; charset=utf-8"
            block = client.next_block()
            assert (block.event, block.data) == ("stream.end", '{"reason":"unavailable"}')
            retries.add(block.retry)
            assert client.next_block() is None
    assert len(retries) > 1, "all are told to come back at the same moment"
    asked = [("POST", "/v1/events"), *(("GET", path) for path in ("/v1/notifications", "/v1/relay/status", "/v1/stream", "/v1/webhooks"))]
    for method, path in asked:
        answer = httpx.request(method, proxy.url + path)
        assert answer.status_code == 503 and answer.json()["error"] == "service_unavailable" and answer.headers["retry-after"]
    shared.remove(proxy)


class Swallower:
    """An instance that reads a request and closes the connection without a response."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self._listener.getsockname()[1]

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests += bool(connection.recv(65536))

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_another_instance_is_asked_only_when_the_first_was_not(shared, tenant):
    """A publish request that may have been executed is not retried; one that no instance accepted is."""
    swallowers = [Swallower(), Swallower()]
    proxy = Nginx(shared.directory, {"event-producer": [one.address for one in swallowers]}, name="nginx-swallowed")
    shared.add(proxy).wait_ready()
    intake = Intake(proxy)
    for count in (1, 2, 3, 4):
        assert intake.post([{"type": "a.b", "payload": {}, "tenant": tenant}]).status_code == 503
        assert sum(one.requests for one in swallowers) == count
    proxy.configure({"event-producer": [f"127.0.0.1:{free_port()}", shared.producer]})
    proxy.signal_reload()
    # The former worker closes its connections whenever it ends.
    intake.close()

    def reloaded():
        fresh = Intake(proxy)
        if fresh.post([]).status_code != 503:
            return fresh
        fresh.close()
        return None

    intake = eventually(reloaded, "the new configuration is in force")
    for n in range(6):
        intake.publish(NotificationStream().numbered(n, tenant, prefix=tenant))
    intake.close()
    for one in swallowers:
        one.close()
    shared.remove(proxy)


# MARK: Other proxies


@pytest.fixture(scope="module", params=[Caddy, HAProxy], ids=["caddy", "haproxy"])
def other(request, shared, deployment):
    """The other proxies of docs/proxies.md."""
    services = deployment | {"event-producer": [shared.producer, shared.start("event-producer", "serve").wait_ready()]}
    proxy = shared.add(request.param(shared.directory, services)).wait_ready()
    yield proxy
    expect_no_token(f"what {proxy.name} has written", proxy.everything_written())
    shared.remove(proxy)


def test_other_proxies_carry_every_surface(shared, other, surface, tenant):
    test_events_flow_and_clients_resume_through_it(shared, other, surface, tenant)


def test_other_proxies_carry_http2_and_approvals(shared, other, tenant):
    target = f"{other.tls_url}{STREAM}?token={mint(tenant)}"
    with Curl(other, target, "--http2", "-i") as one:
        assert one.line("HTTP/").startswith("HTTP/2 200")
        one.line("id: ")
        [id] = shared.intake.publish(NotificationStream().numbered(1, tenant, prefix=tenant))
        assert one.line("id: ") == f"id: {id}"
    test_approvals_and_notifications_are_of_the_same_origin(shared, other, f"{tenant}_approvals")
    test_execution_streams_are_followed_through_it(shared, other, f"{tenant}_executions")
    assert httpx.get(f"{other.url}/nowhere?token={mint()}").json()["error"] == "not_found"
    for path in ("/v1/stream", "/v1/connect"):
        test_websockets_over_tls(other, path, tenant)


def test_other_proxies_answer_for_edges_that_are_away(stack, other):
    """Errors have the same form as nginx's."""
    absent = [stack.edge(), stack.edge()]
    services = {program: absent for program in COMMANDS}
    proxy = stack.add(type(other)(stack.directory, services)).wait_ready()
    for edge in absent:
        edge.kill()

    def answer():
        with SSEConnection(proxy.url + STREAM, query={"token": mint()}) as client:
            assert client.status == 200 and client.headers["content-type"] == "text/event-stream; charset=utf-8"
            return client.next_block()

    block = eventually(answer, "it answers by itself")
    assert (block.event, block.data) == ("stream.end", '{"reason":"unavailable"}') and block.retry
    refused = httpx.post(f"{proxy.url}/v1/events?token={mint()}", timeout=10)
    assert refused.status_code == 503 and refused.json()["error"] == "service_unavailable" and refused.headers["retry-after"]
    expect_no_token(f"what {proxy.name} has written", proxy.everything_written())


# MARK: Instances that come and go


def test_the_figures_of_nginx_are_at_their_own_address_alone(tmp_path):
    status = f"127.0.0.1:{free_port()}"
    nginx = Nginx(tmp_path, {"sse-edge": ["127.0.0.1:9"]}, options=["--status", status]).start().wait_ready()
    figures = httpx.get(f"http://{status}/stub_status", timeout=15)
    assert figures.status_code == 200 and figures.text.startswith("Active connections: ")
    assert httpx.get(f"http://{status}/v1/notifications/stream", timeout=15).status_code == 404
    assert httpx.get(f"{nginx.url}/stub_status", timeout=15).status_code == 404
    nginx.kill()


def test_an_edge_joins_when_the_configuration_is_read_again(shared, deployment, tenant):
    """With instances in the configuration: open streams stay, and new connections reach the new edge."""
    first, joining = deployment["sse-edge"]
    proxy = shared.add(Nginx(shared.directory, {"sse-edge": [first]}, name="nginx-grows")).wait_ready()
    with SSEConnection(proxy.url + STREAM, token=mint(tenant)) as staying:
        staying.next_block()
        before = joining.metrics()["causeway_edge_connections"]
        proxy.configure({"sse-edge": [first, joining]})
        proxy.signal_reload()

        def newcomer_gets_there():
            with SSEConnection(proxy.url + STREAM, token=mint(tenant)) as client:
                client.next_block()
                return joining.metrics()["causeway_edge_connections"] > before

        eventually(newcomer_gets_there, "the second edge takes new connections", interval=0.1)
        [id] = shared.intake.publish(NotificationStream().numbered(1, tenant, prefix=tenant))
        assert staying.next_block().id == id
    shared.remove(proxy)


def test_an_edge_joins_and_another_leaves_while_it_runs(stack):
    """Like `docker compose up --scale`: a name with more addresses than before, and then fewer."""
    port, names = free_port(), NameServer()
    edges = [stack.start("sse-edge", http_host=f"127.0.0.{n}", http_port=port, drain_window="3s") for n in (2, 3, 4)]
    leaving, staying, joining = (edge.wait_ready() for edge in edges)
    names.addresses = {"sse-edge": ["127.0.0.2", "127.0.0.3"]}
    proxy = Nginx(stack.directory, {"sse-edge": [f"sse-edge:{port}"]}, resolver=names.address)
    stack.add(proxy).wait_ready()
    clients = [Follower(NotificationStream(), [proxy], mint(user=f"usr_{n}")).start() for n in range(24)]
    flow = Flow(stack.intake, (NotificationStream().numbered(n) for n in range(1_000_000)), rate=100, batch=5)
    flow.start()

    def connections(edge):
        return edge.metrics()["causeway_edge_connections"]

    eventually(lambda: connections(leaving) + connections(staying) == 24, "all are connected")
    assert connections(joining) == 0
    names.addresses = {"sse-edge": ["127.0.0.2", "127.0.0.3", "127.0.0.4"]}

    def newcomer_gets_there():
        clients.append(Follower(NotificationStream(), [proxy], mint()).start())
        return connections(joining) > 0

    eventually(newcomer_gets_there, "the third edge takes new connections", interval=0.25)
    names.addresses = {"sse-edge": ["127.0.0.3", "127.0.0.4"]}
    had = connections(leaving)
    leaving.terminate()
    left = set()
    while leaving.is_running:
        try:
            left.add(connections(leaving))
        except httpx.HTTPError:
            # It no longer listens.
            leaving.wait(timeout=15)
    assert leaving.exit_code == 0, leaving.log_tail()
    assert len(left - {0, had}) >= 3, f"{had} clients were sent away all at once: {sorted(left)} were seen"
    eventually(lambda: connections(staying) + connections(joining) == len(clients), "all have moved")
    flow.stop()
    for client in clients:
        client.wait_for(lambda events: events and events[-1].payload["n"] == flow.accepted - 1, "it gets the last event", timeout=30)
        client.stop()
        numbers = [event.payload["n"] for event in client.events]
        assert numbers == list(range(numbers[0], flow.accepted)), "an event is missing, came twice or out of order"
        assert client.gaps == []
    moved = sum("draining" in client.ends for client in clients)
    assert moved >= had > 0, f"{had} clients were on the edge that left, and {moved} were told"
    names.close()
