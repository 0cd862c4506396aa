"""Third-party clients, and pages of another origin, across a restart of the edge and through every proxy.

What a client may rely on is in docs/consuming.md; what the proxies have to do for it in docs/proxies.md.
"""

import json
import ssl
import threading

import httpx
import pytest
import sseclient
import websocket

from causeway_kit.approvals import approval_service
from causeway_kit.browser import Browser, PageServer
from causeway_kit.client_page import ClientBrowser, ClientSite
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.relay import Relay
from causeway_kit.services import is_built
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

KINDS = {"nginx": Nginx, "haproxy": HAProxy, "caddy": Caddy}
EDGES = (NotificationStream.executable, WorkspaceStream.executable, Relay.executable)
STREAM = NotificationStream.path

pytestmark = [pytest.mark.skipif(not all(map(is_built, EDGES)), reason="it needs all edges"), pytest.mark.timeout(240)]
every_proxy = pytest.mark.parametrize("kind", KINDS)

#: Follows the stream with every kind of client in pages, and records what each client gets.
#:
#: `Polyfill` does by default what the widely used polyfill of Yaffle does: it reads the stream with `fetch` and headers of its own, puts
#: its place into the query as `lastEventId`, comes back after `retry` when a response ends or the network fails, and gives up for good
#: at anything but 200 and text/event-stream.
SCRIPT = """
class Polyfill extends EventTarget {
    constructor(url, { headers = {}, withCredentials = false } = {}) {
        super();
        Object.assign(this, { url, headers, withCredentials, lastEventId: "", retry: 1000, readyState: 0 });
        this.connect();
    }
    async connect() {
        const url = new URL(this.url);
        if (this.lastEventId !== "") url.searchParams.set("lastEventId", this.lastEventId);
        this.readyState = 0;
        try {
            const credentials = this.withCredentials ? "include" : "same-origin";
            const headers = { Accept: "text/event-stream", ...this.headers };
            const response = await fetch(url, { headers, credentials, cache: "no-store" });
            if (response.status !== 200 || !response.headers.get("Content-Type").startsWith("text/event-stream")) {
                this.readyState = 2;
                return this.dispatchEvent(new Event("error"));
            }
            this.readyState = 1;
            this.dispatchEvent(new Event("open"));
            let text = "";
            for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
                const { value, done } = await reader.read();
                if (done) break;
                const blocks = (text + value).split("\\n\\n");
                text = blocks.pop();
                blocks.forEach((block) => this.dispatch(block));
            }
        } catch (error) { /* The network failed, or a preflight did. */ }
        this.readyState = 0;
        this.dispatchEvent(new Event("error"));
        setTimeout(() => this.connect(), this.retry);
    }
    dispatch(block) {
        let type = "message", data = null;
        for (const line of block.split("\\n")) {
            const [name, value] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)];
            if (name === "id") this.lastEventId = value;
            if (name === "retry") this.retry = Number(value);
            if (name === "event") type = value;
            if (name === "data") data = value;
        }
        if (data !== null) this.dispatchEvent(new MessageEvent(type, { data, lastEventId: this.lastEventId }));
    }
}

window.start = (url, tlsURL, token) => {
    const headers = { Authorization: `Bearer ${token}`, "Cache-Control": "no-cache" };
    window.clients = {
        native: new EventSource(`${url}?token=${token}`),
        credentials: new EventSource(`${url}?token=${token}`, { withCredentials: true }),
        http2: new EventSource(`${tlsURL}?token=${token}`),
        polyfill: new Polyfill(`${url}?token=${token}`),
        polyfillWithHeaders: new Polyfill(url, { headers, withCredentials: true }),
    };
    window.log = {};
    for (const [name, client] of Object.entries(clients)) {
        const told = log[name] = { numbers: [], ends: [], gaps: 0, opens: 0, isClosed: false };
        client.addEventListener("open", () => told.opens++);
        client.addEventListener("error", () => { told.isClosed = client.readyState === 2; });
        client.addEventListener("load.tick", (e) => told.numbers.push(JSON.parse(e.data).n));
        client.addEventListener("stream.end", (e) => told.ends.push(JSON.parse(e.data).reason));
        client.addEventListener("stream.gap", () => told.gaps++);
    }
};
window.isReady = true;
"""
CLIENTS = ("native", "credentials", "http2", "polyfill", "polyfillWithHeaders")


@pytest.fixture(scope="module")
def pages():
    server = PageServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def deployment(pages):
    """One of each edge, so that none is available while it restarts, with CORS for the pages' origin; and a proxy of each kind."""
    with Stack() as stack:
        settings = {"cors_origins": f"http://localhost:3000,{pages.origin}", "drain_window": "1s", "retry_interval": "1s"}
        stack.named = {program: stack.edge(program, **settings) for program in EDGES}
        services = {program: [edge, edge] for program, edge in stack.named.items()}
        services |= {program: [stack.producer, stack.producer] for program in ("event-producer", "approval-api")}
        stack.proxies = {
            kind: stack.add(proxy(stack.directory, services, cors_origins=settings["cors_origins"])) for kind, proxy in KINDS.items()
        }
        for proxy in stack.proxies.values():
            proxy.wait_ready()
        stack.services = services
        yield stack


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Browser(tmp_path_factory.mktemp("chromium"), "--ignore-certificate-errors")
    yield chromium
    chromium.close()


def numbered(tenant, begin, end):
    return [NotificationStream().numbered(n, tenant, prefix=tenant) for n in range(begin, end)]


# MARK: Pages


@every_proxy
def test_every_client_of_a_page_of_another_origin_survives_a_restart_of_the_edge(deployment, pages, browser, tenant, kind):
    """Killed, not drained: only the proxy tells clients to reconnect."""
    proxy, edge = deployment.proxies[kind], deployment.named["sse-edge"]
    browser.open(pages.put_script(SCRIPT))
    eventually(lambda: browser.run("return window.isReady"), "the page is loaded")
    browser.run("start(...arguments)", proxy.url + STREAM, proxy.tls_url + STREAM, mint(tenant))

    def logs():
        return json.loads(browser.run("return JSON.stringify(log)"))

    def all_have(count):
        return all(logs()[name]["numbers"] == list(range(count)) for name in CLIENTS)

    try:
        eventually(lambda: all(log["opens"] for log in logs().values()), "all of them are connected", timeout=30)
        deployment.intake.publish(*numbered(tenant, 0, 5))
        eventually(lambda: all_have(5), "all of them get what is published")
        edge.kill()
        eventually(lambda: all("unavailable" in log["ends"] for log in logs().values()), "the proxy tells them to come back", timeout=30)
        deployment.intake.publish(*numbered(tenant, 5, 10))
        edge.start().wait_ready()
        eventually(lambda: all_have(10), "all of them get what they missed", timeout=30)
        deployment.intake.publish(*numbered(tenant, 10, 12))
        eventually(lambda: all_have(12), "all of them are live again")
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n{json.dumps(logs(), indent=1)}") from None
    finally:
        if not edge.is_running:
            edge.start().wait_ready()
    for name, log in logs().items():
        assert log["gaps"] == 0 and not log["isClosed"], f"{name}: {log}"


def test_a_page_of_the_deployment_has_all_its_streams_whatever_is_configured(deployment, tmp_path_factory, tenant):
    """`CORS_ORIGINS=http://localhost:3000 make run`: the origins that are named come besides the deployment's own."""
    approvals = approval_service(deployment, cors_origins="http://localhost:3000").wait_ready()
    services = deployment.services | {"approval-api": [approvals]}
    site = ClientSite(deployment.directory, services, cors_origins="http://localhost:3000")
    deployment.add(site).wait_ready()
    chromium = ClientBrowser(tmp_path_factory.mktemp("own"))
    try:
        tab = chromium.tab(site, mint(tenant))
        for stream in ("notifications", "workspace", "relay"):
            tab.follow(stream, stream).wait_state(stream, "live")
    finally:
        chromium.close()
        deployment.remove(site)
        deployment.remove(approvals)


@every_proxy
def test_a_proxy_allows_pages_what_the_services_allow(deployment, pages, kind):
    """A page cannot distinguish the proxy's responses from the edge's."""
    proxy = deployment.proxies[kind]

    def fields(method, path, **more):
        answer = httpx.request(method, proxy.url + path, headers={"Origin": origin} | more)
        return {name: value for name, value in answer.headers.items() if name == "vary" or name.startswith("access-control-")}

    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for origin in (pages.origin, proxy.url, "http://localhost:3000", "https://evil.example", "null"):
        for method, more in (("GET", {}), ("OPTIONS", preflight)):
            services = [fields(method, path, **more) for path in (STREAM, Relay.path)]
            assert [fields(method, "/nowhere", **more)] * len(services) == services, f"{method} from {origin}"


# MARK: Python


class Following(threading.Thread):
    """sseclient's own loop, which reconnects after every disconnect and reads until the connection ends."""

    def __init__(self, url, token):
        super().__init__(daemon=True)
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self.numbers, self.ends, self.failure, self.is_open = [], [], None, threading.Event()
        self._is_over = False

    def run(self):
        try:
            client = sseclient.SSEClient(self._url, retry=100, headers=self._headers, timeout=60)
            for event in client:
                self.is_open.set()
                if event.event == "load.tick":
                    self.numbers.append(json.loads(event.data)["n"])
                elif event.event == "stream.end":
                    self.ends.append(json.loads(event.data)["reason"])
                if self._is_over:
                    return
        except Exception as failure:  # it is reported by the test's own thread
            self.failure = failure

    def stop(self):
        self._is_over = True

    def wait_for(self, condition, what):
        def holds():
            assert self.failure is None, repr(self.failure)
            return condition(self)

        eventually(holds, f"{what} ({self.numbers}, {self.ends})", timeout=30)


@every_proxy
@pytest.mark.parametrize("is_drained", [True, False], ids=["drained", "killed"])
def test_sseclient_follows_over_a_restart_of_the_edge(deployment, tenant, kind, is_drained):
    proxy, edge = deployment.proxies[kind], deployment.named["sse-edge"]
    client = Following(proxy.url + STREAM, mint(tenant))
    client.start()
    client.wait_for(lambda client: client.is_open.is_set(), "it is connected")
    deployment.intake.publish(*numbered(tenant, 0, 5))
    client.wait_for(lambda client: client.numbers == list(range(5)), "it gets what is published")
    try:
        if is_drained:
            edge.terminate()
            assert edge.wait(timeout=15) == 0
        else:
            edge.kill()
        client.wait_for(lambda client: "unavailable" in client.ends, "the proxy tells it to come back")
        assert ("draining" in client.ends) == is_drained
        deployment.intake.publish(*numbered(tenant, 5, 10))
    finally:
        edge.start().wait_ready()
    client.wait_for(lambda client: client.numbers == list(range(10)), "it gets what it missed, once and in order")
    client.stop()
    deployment.intake.publish(*numbered(tenant, 10, 11))
    client.join(timeout=15)


def connected(address, **options):
    """A connection of websocket-client. HAProxy needs a moment to detect that an edge is available again."""

    def connection():
        try:
            return websocket.create_connection(address, timeout=20, **options)
        except websocket.WebSocketBadStatusException as refused:
            if refused.status_code != 503:
                raise
            return None

    return eventually(connection, "the edge is there", interval=0.2)


@every_proxy
@pytest.mark.parametrize("path", [WorkspaceStream.path, Relay.path])
def test_websocket_client_connects(deployment, tenant, kind, path):
    """It sends the address that it connects to as its origin: the deployment's own, which no list has to name."""
    proxy = deployment.proxies[kind]
    for url in (proxy.url, proxy.tls_url):
        address = f"{url.replace('http', 'ws', 1)}{path}?workspace={tenant}&token={mint(tenant)}"
        trust = {"ca_certs": str(proxy.certificate), "cert_reqs": ssl.CERT_REQUIRED}
        connection = connected(address, sslopt=trust)
        message = json.loads(connection.recv())
        assert "connected" in (message.get("type"), message.get("method"))
        connection.close()


@every_proxy
def test_websocket_client_comes_back_over_a_restart_of_the_edge(deployment, tenant, kind):
    """Reconnects with its last id. While the edge is down, the proxy answers the handshake with an error that has Retry-After."""
    proxy, edge = deployment.proxies[kind], deployment.named["websocket-edge"]
    address = f"{proxy.url.replace('http', 'ws', 1)}{WorkspaceStream.path}?workspace={tenant}&token={mint(tenant)}"
    connection = connected(f"{address}&last_event_id=")
    seen = []

    def read(count):
        while len(seen) < count:
            message = json.loads(connection.recv())
            if message["type"] == "load.tick":
                seen.append((message["payload"]["n"], message["id"]))

    deployment.intake.publish(*numbered(tenant, 0, 3))
    read(3)
    edge.kill()
    try:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(address, timeout=10)
        assert refused.value.status_code == 503 and refused.value.resp_headers["retry-after"]
        assert json.loads(refused.value.resp_body)["error"] == "service_unavailable"
        deployment.intake.publish(*numbered(tenant, 3, 6))
    finally:
        edge.start().wait_ready()
    connection = connected(f"{address}&last_event_id={seen[-1][1]}")
    read(6)
    assert [number for number, _ in seen] == list(range(6))
    connection.close()


# MARK: The largest event


@pytest.mark.parametrize("path", [WorkspaceStream.path, Relay.path])
def test_the_largest_event_passes_every_proxy_in_one_message(deployment, tenant, path):
    """docs/consuming.md tells clients to accept messages of 512 KiB: a payload of up to 256 KiB, and its envelope."""
    payload = {"incidentId": "inc_1", "message": "", "agentName": "a"}
    payload["message"] = "x" * (256 * 1024 - len(json.dumps(payload, separators=(",", ":"))))
    connections = []
    for proxy in deployment.proxies.values():
        address = f"{proxy.url.replace('http', 'ws', 1)}{path}?workspace={tenant}&token={mint(tenant)}"
        connections.append(connected(address))
        connections[-1].recv()
        if path == Relay.path:
            subscribe = {"jsonrpc": "2.0", "id": 1, "method": "investigation.subscribe", "params": {"incidentId": "inc_1"}}
            connections[-1].send(json.dumps(subscribe))
            assert "result" in json.loads(connections[-1].recv())
    answer = httpx.post(
        deployment.producer.url + "/v1/events",
        content=json.dumps({"type": "investigation.progress", "payload": payload}, separators=(",", ":")),
        headers={"Authorization": f"Bearer {mint(tenant, roles=('admin',))}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 202, answer.text
    for connection in connections:
        text = connection.recv()
        while '"investigation.progress"' not in text[:200]:
            text = connection.recv()
        assert 256 * 1024 < len(text) < 512 * 1024 and json.loads(text)
        connection.close()
