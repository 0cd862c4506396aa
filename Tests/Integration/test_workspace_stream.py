"""The rules of contract §5 for the workspace stream, with common Python clients, Node's own, and a browser."""

import asyncio
import json
import re
import subprocess
import time
import zlib
from datetime import datetime

import aiohttp
import pytest
import websockets
from websockets.sync.client import connect as websockets_connect

from causeway_kit.browser import Browser, PageServer
from causeway_kit.cursors import Cursor
from causeway_kit.intake import numbered
from causeway_kit.reference import SAMPLES
from causeway_kit.reference_clients import workspace_stream_example
from causeway_kit.services import is_built
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually, pause
from causeway_kit.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Close, Pong, Text, WebSocketConnection, close_frame, frame
from causeway_kit.workspace import WorkspaceStream, parse_frame

PROGRAM = WorkspaceStream.executable
PATH = WorkspaceStream.path
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
ORIGIN = "https://console.example"
LIMIT = 64 * 1024

pytestmark = pytest.mark.skipif(not is_built(PROGRAM), reason=f"{PROGRAM} is not built")


@pytest.fixture
def edge(shared):
    return shared.shared_edge_of(PROGRAM)


def connect(edge, tenant, token=None, *, query=None, **options):
    """Opens a connection like a browser: all parameters in the URL."""
    everything = {"token": token or mint(tenant), "workspace": tenant} | (query or {})
    return WebSocketConnection(edge.url + PATH, query={name: value for name, value in everything.items() if value is not None}, **options)


def opened(*arguments, **options):
    """A connection past its `connected`."""
    client = connect(*arguments, **options)
    assert client.status == 101, f"{client.status} {client.body()!r}"
    assert parse_frame(client.next_text())["type"] == "connected"
    return client


def frame_text(sample, id=None):
    """Returns the expected frame of a sample, byte for byte."""
    text = '{"type":"%s","payload":%s,"ts":"%s"' % (sample.type, sample.payload.decode(), sample.shown_time)
    return text + ("}" if id is None else f',"id":"{id}"}}')


def publish_samples(stack, tenant):
    """Publishes all samples byte for byte and returns their ids."""
    parts = []
    for sample in SAMPLES:
        members = {"type": sample.type, "tenant": tenant, "time": sample.time} | ({"user": sample.user} if sample.user else {})
        parts.append(json.dumps(members).encode()[:-1] + b', "payload": ' + sample.payload + b"}")
    response = stack.intake.post(b"[" + b",".join(parts) + b"]")
    assert response.status_code == 202, response.text
    return response.json()["ids"]


# MARK: The handshake is accepted, and then judged


def test_connected_comes_first(edge, tenant):
    before = time.time()
    with connect(edge, tenant, mint(tenant, "usr_7")) as client:
        assert client.status == 101
        text = client.next_text()
        want = re.fullmatch(
            r'\{"type":"connected","payload":\{"workspace_id":"%s","user_id":"usr_7"\},"ts":"(%s)"\}' % (tenant, TIME), text
        )
        assert want, text
        moment = datetime.fromisoformat(want[1].replace("Z", "+00:00")).timestamp()
        assert before - 1 <= moment <= time.time() + 1


def test_names_are_escaped(edge):
    with connect(edge, 'quo"te\\ größe', mint('quo"te\\ größe', 'u"1')) as client:
        payload = parse_frame(client.next_text())["payload"]
    assert payload == {"workspace_id": 'quo"te\\ größe', "user_id": 'u"1'}


def no_workspace_claim(tenant):
    return mint(tenant, tenant_id=None)


REFUSED = {
    "no token": (lambda tenant: {"token": None}, 4401),
    "an empty token": (lambda tenant: {"token": ""}, 4401),
    "no JWT": (lambda tenant: {"token": "nonsense"}, 4401),
    "an expired token": (lambda tenant: {"token": mint(tenant, exp=int(time.time()) - 5)}, 4401),
    "a token without exp": (lambda tenant: {"token": mint(tenant, exp=None)}, 4401),
    "a token of another secret": (lambda tenant: {"token": mint(tenant, secret="another-secret-of-sufficient-length-for-hmac-256")}, 4401),
    "a token not yet valid": (lambda tenant: {"token": mint(tenant, nbf=int(time.time()) + 600)}, 4401),
    "a token without a tenant": (lambda tenant: {"token": no_workspace_claim(tenant)}, 4401),
    "no workspace": (lambda tenant: {"workspace": None}, 4003),
    "an empty workspace": (lambda tenant: {"workspace": ""}, 4003),
    "another workspace": (lambda tenant: {"workspace": f"{tenant}_other"}, 4003),
    "a part of the workspace": (lambda tenant: {"workspace": tenant[:-1]}, 4003),
    "the workspace in upper case": (lambda tenant: {"workspace": tenant.upper()}, 4003),
    "no token and another workspace": (lambda tenant: {"token": None, "workspace": "other"}, 4401),
}


@pytest.mark.parametrize(("change", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_who_may_not_listen_is_told_by_a_close_code(edge, tenant, change, code):
    with connect(edge, tenant, query=change(tenant)) as client:
        assert client.status == 101, "a browser sees close codes, and no statuses"
        assert client.expect_close(code), "the close frame gives no reason"


@pytest.mark.parametrize("roles", [(), ("admin",), ("member",), ("producer",), ("owner",)], ids=str)
def test_any_valid_token_will_do(edge, tenant, roles):
    with opened(edge, tenant, mint(tenant, roles=roles)):
        pass


@pytest.mark.parametrize("claim", ["tenant_id", "workspace_id", "org_id"])
def test_any_of_the_three_claims_names_the_workspace(shared, edge, tenant, claim):
    token = mint(**({"tenant_id": None} | {claim: tenant}))
    with opened(edge, tenant, token) as client:
        shared.intake.publish(numbered(1, tenant, prefix=tenant))
        assert parse_frame(client.next_text())["payload"] == {"n": 1}


def test_the_header_wins_over_the_query(edge, tenant):
    def code(header, query):
        with connect(edge, tenant, query={"token": query}, headers={"Authorization": f"Bearer {header}"}) as client:
            message = client.next()
            return message.code if isinstance(message, Close) else "connected"

    assert code(mint(tenant), "nonsense") == "connected"
    assert code(mint(tenant), None) == "connected"
    assert code("nonsense", mint(tenant)) == 4401


def test_the_token_may_come_as_a_subprotocol(edge, tenant):
    token = mint(tenant)
    with connect(edge, tenant, query={"token": None}, protocols=["causeway.v1", f"bearer.{token}"]) as client:
        assert client.headers["sec-websocket-protocol"] == "causeway.v1"
        assert token.encode() not in client.head, "the token was sent back"
        assert parse_frame(client.next_text())["type"] == "connected"
    with connect(edge, tenant, query={"token": None}, protocols=["causeway.v1", "bearer.nonsense"]) as client:
        client.expect_close(4401)


def test_a_subprotocol_is_only_named_where_it_was_offered(edge, tenant):
    for protocols, answer in (((), None), (("causeway.v1",), "causeway.v1"), (("mqtt", "causeway.v1"), "causeway.v1"), (("mqtt",), None)):
        with opened(edge, tenant, protocols=protocols) as client:
            assert client.headers.get("sec-websocket-protocol") == answer


def test_an_ordinary_request_is_told_that_this_is_a_websocket(edge, tenant):
    request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    with WebSocketConnection.raw(edge.url, request) as client:
        assert client.status == 426 and client.headers["upgrade"] == "websocket"


# MARK: Origins


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101), ("http://127.0.0.1:{port}", 101), ("HTTP://127.0.0.1:{port}", 101), ("https://127.0.0.1:{port}", 101),
        ("http://127.0.0.1", 403), ("http://127.0.0.1:1", 403), ("http://localhost:{port}", 403), (ORIGIN, 403), ("null", 403), ("", 403),
    ],
)  # fmt: skip
def test_by_default_only_pages_of_the_same_host_may_connect(edge, tenant, origin, status):
    with connect(edge, tenant, headers={"Origin": origin and origin.format(port=edge.http_port)}) as client:
        assert client.status == status
        if status == 403:
            assert json.loads(client.body())["error"] == "forbidden"


@pytest.fixture(scope="module")
def console_edge(shared):
    """An edge for the pages of a console."""
    return shared.edge(PROGRAM, cors_origins=f"{ORIGIN},http://localhost:3000")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        (ORIGIN, 101),
        (ORIGIN + ":443", 101),
        ("http://localhost:3000", 101),
        ("http://console.example", 403),
        (f"{ORIGIN}.evil.example", 403),
    ],
)
def test_configured_origins_and_no_others(console_edge, tenant, origin, status):
    with connect(console_edge, tenant, headers={"Origin": origin}) as client:
        assert client.status == status


# MARK: Frames


def test_every_sample_arrives_as_it_was_sent(shared, edge, tenant):
    with opened(edge, tenant) as client:
        publish_samples(shared, tenant)
        assert [client.next_text() for _ in SAMPLES] == [frame_text(sample) for sample in SAMPLES]


def test_the_first_heartbeats_come_within_ten_seconds(stack):
    """Every 5 s, unless configured."""
    edge = stack.edge(PROGRAM, heartbeat_interval=None)
    with opened(edge, "acme") as client:
        texts, begin = [client.next_text(timeout=8)], time.monotonic()
        texts.append(client.next_text(timeout=8))
        apart = time.monotonic() - begin
    for text in texts:
        assert re.fullmatch(r'\{"type":"heartbeat","payload":\{"ok":true\},"ts":"%s"\}' % TIME, text), text
    assert 4 < apart < 15, f"two heartbeats were {apart:.1f} s apart"


def test_heartbeats_of_many_connections_are_spread(stack):
    edge = stack.edge(PROGRAM, heartbeat_interval="2s")
    clients = [opened(edge, "acme") for _ in range(30)]
    begin, moments, waiting = time.monotonic(), [], set(clients)
    while waiting and time.monotonic() - begin < 6:
        for client in list(waiting):
            try:
                client.next(timeout=0.001)
            except TimeoutError:
                continue
            moments.append(time.monotonic() - begin)
            waiting.discard(client)
    for client in clients:
        client.close()
    assert not waiting, f"{len(waiting)} connections had no heartbeat within three intervals"
    assert max(moments) - min(moments) > 0.5, f"all heartbeats came within {max(moments) - min(moments):.2f} s of an interval of 2 s"


def test_a_large_event_arrives_whole(shared, edge, tenant):
    with opened(edge, tenant, receive_buffer=4096) as client:
        shared.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"x": "x" * 250_000}})
        assert len(parse_frame(client.next_text())["payload"]["x"]) == 250_000


def test_an_event_for_a_user_reaches_that_user_only(shared, edge, tenant):
    with opened(edge, tenant, mint(tenant, "usr_1")) as one, opened(edge, tenant, mint(tenant, "usr_2")) as two:
        shared.intake.publish(numbered(1, tenant, user="usr_1", prefix=tenant), numbered(2, tenant, prefix=tenant))
        assert [parse_frame(one.next_text())["payload"]["n"] for _ in range(2)] == [1, 2]
        assert parse_frame(two.next_text())["payload"]["n"] == 2


@pytest.mark.parametrize("types", ["Incident.*", "*", "incident", "incident.", ".", ",".join(f"a.t{n}" for n in range(65))])
def test_wrong_types_are_refused(edge, tenant, types):
    with connect(edge, tenant, query={"types": types}) as client:
        assert client.status == 400
        assert json.loads(client.body())["error"] == "validation_error"


# MARK: last_event_id


def test_without_a_cursor_frames_have_three_members_and_with_one_four(stack):
    edge = stack.edge(PROGRAM, heartbeat_interval="4s")
    with opened(edge, "acme") as plain, opened(edge, "acme", query={"last_event_id": ""}) as resumable:
        ids = publish_samples(stack, "acme")
        assert [plain.next_text() for _ in SAMPLES] == [frame_text(sample) for sample in SAMPLES]
        assert [resumable.next_text() for _ in SAMPLES] == [frame_text(sample, id) for sample, id in zip(SAMPLES, ids, strict=True)]
        beat = plain.next_text()
        assert re.fullmatch(r'\{"type":"heartbeat","payload":\{"ok":true\},"ts":"%s"\}' % TIME, beat), beat
        beat = resumable.next_text()
        want = re.fullmatch(r'\{"type":"heartbeat","payload":\{"ok":true\},"ts":"%s","id":"(evt_\w{26})"\}' % TIME, beat)
        assert want, beat
        assert Cursor.parse(want[1]).sequence >= Cursor.parse(ids[-1]).sequence
    with opened(edge, "acme", query={"last_event_id": ids[3]}) as client:
        assert [client.next_text() for _ in SAMPLES[4:]] == [
            frame_text(sample, id) for sample, id in zip(SAMPLES[4:], ids[4:], strict=True)
        ]


def test_a_gap_is_told_as_a_frame(shared, edge, tenant):
    with opened(edge, tenant, query={"last_event_id": "nonsense"}) as client:
        text = client.next_text()
    want = r'\{"type":"stream.gap","payload":\{"reason":"unknown_cursor"\},"ts":"%s","id":"evt_\w{26}"\}' % TIME
    assert re.fullmatch(want, text), text


# MARK: What comes in


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{}", '{"type":"connected"}', '{"jsonrpc":"2.0","id":1,"method":"ping"}', "x" * LIMIT, "😀" * (LIMIT // 4)],
    ids=lambda text: repr(text[:20]),
)
def test_inbound_text_is_ignored(shared, edge, tenant, text):
    with opened(edge, tenant) as client:
        client.send(TEXT, text.encode())
        client.send(TEXT, text.encode(), fin=False)
        client.send(CONTINUATION)
        client.send(PING, b"and then")
        assert client.next() == Pong(b"and then")
        shared.intake.publish(numbered(1, tenant, prefix=tenant))
        assert parse_frame(client.next_text())["payload"] == {"n": 1}


def test_messages_of_more_than_64_kib_and_binary_ones_are_refused(edge, tenant):
    for sent, code in ((frame(TEXT, b"x" * (LIMIT + 1)), 1009), (frame(BINARY, b"x"), 1003)):
        with opened(edge, tenant) as client:
            client.send_bytes(sent)
            assert client.expect_close(code)


def test_pings_are_answered_between_events(shared, edge, tenant):
    with opened(edge, tenant) as client:
        for n in range(20):
            shared.intake.publish(numbered(n, tenant, prefix=tenant))
            client.send(PING, str(n).encode())
        got = [client.next() for _ in range(40)]
    assert [message.payload for message in got if isinstance(message, Pong)] == [str(n).encode() for n in range(20)]
    assert [parse_frame(message.text)["payload"]["n"] for message in got if isinstance(message, Text)] == list(range(20))


def test_too_many_messages_are_against_the_policy(edge, tenant):
    with opened(edge, tenant) as client:
        try:
            client.send_bytes(frame(TEXT, b"spam") * 20_000)
        except ConnectionError:
            pass
        while isinstance(message := client.next(), Pong | Text):
            pass
        assert isinstance(message, Close) and message.code == 1008, message


def test_a_clients_close_is_answered(edge, tenant):
    with opened(edge, tenant) as client:
        client.send_bytes(close_frame(1000, b"done"))
        client.expect_close(1000)
    with opened(edge, tenant) as client:
        client.send(CLOSE)
        client.expect_close(None)


# MARK: Expiry, limits, drain


def test_a_token_that_expires_closes_with_4401(shared, edge, tenant):
    expiry = int(time.time()) + 3
    with opened(edge, tenant, mint(tenant, exp=expiry)) as client:
        sent = 0
        while time.time() < expiry - 0.5:
            shared.intake.publish(numbered(sent, tenant, prefix=tenant))
            sent += 1
        got = [parse_frame(client.next_text())["payload"]["n"] for _ in range(sent)]
        assert got == list(range(sent))
        assert client.expect_close(4401)
        assert expiry <= time.time() < expiry + 10


@pytest.mark.parametrize(("setting", "tenants"), [("max_connections", ["a", "b", "c"]), ("max_connections_per_tenant", ["a", "a", "a"])])
def test_limits_close_with_1008(stack, setting, tenants):
    edge = stack.edge(PROGRAM, **{setting: 2})
    open_ones = [opened(edge, tenant) for tenant in tenants[:2]]
    with connect(edge, tenants[2]) as client:
        assert client.status == 101
        assert client.expect_close(1008)
    # A freed admission is reused.
    open_ones.pop().close()

    def admitted():
        with connect(edge, tenants[2]) as client:
            return isinstance(client.next(), Text)

    eventually(admitted, "the place of a client that left is given out again", timeout=10, interval=0.2)
    for client in open_ones:
        client.close()


def test_a_draining_edge_sends_new_clients_away(stack):
    edge = stack.edge(PROGRAM, drain_window="6s")
    with opened(edge, "acme") as client:
        edge.terminate()
        eventually(lambda: edge.readiness() == 503, "/readyz says 503", timeout=5)
        try:
            with connect(edge, "acme") as late:
                if late.status == 101:
                    assert late.expect_close(1001)
                else:
                    assert late.status == 503
        except ConnectionError:
            pass  # the listener is closed already
        assert client.expect_close(1001, timeout=10)
    assert edge.wait(timeout=15) == 0


# MARK: Compression


def test_compression_is_declined_unless_configured(edge, tenant):
    with opened(edge, tenant, offer="permessage-deflate; client_max_window_bits") as client:
        assert "sec-websocket-extensions" not in client.headers


@pytest.fixture(scope="module")
def compressing_edge(shared):
    return shared.edge(PROGRAM, websocket_compression="true", heartbeat_interval="1s")


AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", AGREED),
        ("permessage-deflate; client_max_window_bits", AGREED),
        ("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12", AGREED + "; server_max_window_bits=12"),
        ("permessage-deflate; server_max_window_bits=9", None),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", AGREED),
        ("permessage-deflate; no_such_parameter", None),
        ("x-webkit-deflate-frame", None),
        ('permessage-deflate; client_max_window_bits="', None),
    ],
)
def test_compression_is_negotiated_as_the_rfc_says(shared, compressing_edge, tenant, offer, answer):
    with opened(compressing_edge, tenant, offer=offer) as client:
        assert client.headers.get("sec-websocket-extensions") == answer
        shared.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"x": "x" * 10_000}})
        while (message := client.next()) and "heartbeat" in message.text:
            pass
        assert parse_frame(message.text)["payload"] == {"x": "x" * 10_000}
        assert message.is_compressed == (answer is not None)
        client.send(PING, b"plain")
        while isinstance(message := client.next(), Text):
            pass
        assert message == Pong(b"plain")


def test_compressed_text_is_inflated_up_to_the_limit_and_no_further(compressing_edge, tenant):
    hello = bytes.fromhex("f248cdc9c90700")
    compressor = zlib.compressobj(9, wbits=-15)
    bomb = compressor.compress(b"\0" * 40_000_000) + compressor.flush(zlib.Z_SYNC_FLUSH)
    for sent, code in (
        (frame(TEXT, hello, rsv=4) + close_frame(1000), 1000),
        (frame(TEXT, bomb[:-4], rsv=4), 1009),
        (frame(TEXT, b"\xff\xff", rsv=4), 1007),
        (frame(TEXT, hello, fin=False, rsv=4) + frame(CONTINUATION, b"a", rsv=4), 1002),
        (frame(PING, b"", rsv=4), 1002),
    ):
        with opened(compressing_edge, tenant, offer="permessage-deflate") as client:
            client.send_bytes(sent)
            while isinstance(message := client.next(), Text):
                pass
            assert isinstance(message, Close) and message.code == code, f"{code} was due, not {message}"


# MARK: Clients that others wrote


@pytest.mark.parametrize("program", ["edge", "compressing_edge"])
def test_pythons_websockets_follows(shared, request, tenant, program):
    edge = request.getfixturevalue(program)
    address = f"{edge.url.replace('http', 'ws')}{PATH}?token={mint(tenant)}&workspace={tenant}"
    with websockets_connect(address, open_timeout=10) as client:
        assert json.loads(client.recv(timeout=10))["type"] == "connected"
        publish_samples(shared, tenant)
        texts = (client.recv(timeout=10) for _ in range(1000))
        got = []
        while len(got) < len(SAMPLES):
            text = next(texts)
            if '"heartbeat"' not in text:
                got.append(text)
        assert got == [frame_text(sample) for sample in SAMPLES]
        assert client.ping().wait(10), "no pong"
    assert client.close_code == 1000
    with websockets_connect(address.replace("token=", "token=x")) as client:
        with pytest.raises(websockets.ConnectionClosed):
            client.recv(timeout=10)
        assert client.close_code == 4401


@pytest.mark.parametrize("program", ["edge", "compressing_edge"])
def test_pythons_aiohttp_follows(shared, request, tenant, program):
    edge = request.getfixturevalue(program)

    async def follow():
        query = {"token": mint(tenant), "workspace": tenant}
        async with aiohttp.ClientSession() as session, session.ws_connect(edge.url + PATH, params=query, compress=15) as client:
            assert (await client.receive_json(timeout=10))["type"] == "connected"
            await asyncio.to_thread(publish_samples, shared, tenant)
            got = []
            while len(got) < len(SAMPLES):
                text = await client.receive_str(timeout=10)
                if '"heartbeat"' not in text:
                    got.append(text)
            return got

    assert asyncio.run(follow()) == [frame_text(sample) for sample in SAMPLES]


_NODE = """
const socket = new WebSocket(process.argv[1]);
socket.onmessage = event => console.log(event.data);
socket.onclose = event => { console.log(event.code, event.reason); process.exit(0); };
"""


def node(*arguments, **options):
    # Node 20 has a WebSocket of its own behind this option; later ones accept it and need it no more.
    return subprocess.Popen(
        ["node", "--experimental-websocket", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options
    )


def node_has_a_websocket():
    try:
        return node("-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)").wait(timeout=20) == 0
    except OSError:
        return False


@pytest.mark.skipif(not node_has_a_websocket(), reason="this machine's Node has no WebSocket in its core")
def test_nodes_own_client_follows(shared, edge, tenant):
    expiry = int(time.time()) + 6
    address = f"{edge.url.replace('http', 'ws')}{PATH}?token={mint(tenant, exp=expiry)}&workspace={tenant}"
    process = node("-e", _NODE, address)
    try:
        assert json.loads(process.stdout.readline())["type"] == "connected"
        publish_samples(shared, tenant)
        assert [process.stdout.readline().rstrip("\n") for _ in SAMPLES] == [frame_text(sample) for sample in SAMPLES]
        assert process.stdout.readline().startswith("4401 ")
    finally:
        process.kill()
        process.wait()


# MARK: The reference's own example, in a browser


@pytest.fixture(scope="module")
def page():
    server = PageServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Browser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


def run_example(browser, page, edge, token, workspace):
    """Opens a page that runs the example. The edge must allow the page's origin."""
    address = edge.url.replace("http", "ws") + PATH
    browser.open(page.put_script(workspace_stream_example(address, token, workspace)))


def test_the_reference_example_prints_what_it_should_through_a_deploy(stack, page, browser):
    edge = stack.edge(PROGRAM, cors_origins=page.origin, drain_window="2s", heartbeat_interval="1s")
    run_example(browser, page, edge, mint("ws_01abc123"), "ws_01abc123")
    greeting = ["[WS] connected", "[WS] authenticated as workspace ws_01abc123"]
    eventually(lambda: browser.printed() == greeting, "the example is connected")
    events = [
        "New issue: Payment gateway timeout on checkout",
        "Pattern: Payment gateway timeout under load — risk: 82",
        "Job progress: 0.65 running",
    ]
    publish_samples(stack, "ws_01abc123")
    eventually(lambda: browser.printed() == greeting + events, "the example prints the events")

    # The deploy.
    edge.terminate()
    assert edge.wait(timeout=15) == 0
    edge.start()
    edge.wait_ready()
    eventually(lambda: browser.printed().count(greeting[1]) == 2, "the example comes back by itself", timeout=30)
    lines = browser.printed()[5:]
    assert lines[0].startswith("[WS] closed: 1001 "), lines
    assert re.fullmatch(r"\[WS\] reconnecting in \d+ms", lines[1]), lines
    assert lines[-2:] == greeting
    publish_samples(stack, "ws_01abc123")
    eventually(lambda: browser.printed()[-3:] == events, "the example prints the events after the deploy")


@pytest.mark.parametrize(
    ("token", "code", "says"),
    [
        (lambda tenant: mint(tenant, exp=int(time.time()) + 3), 4401, "[WS] invalid token, re-authenticate before reconnecting"),
        (lambda tenant: mint(tenant, exp=int(time.time()) - 5), 4401, "[WS] invalid token, re-authenticate before reconnecting"),
        (lambda tenant: mint(f"{tenant}_other"), 4003, "[WS] workspace mismatch, check your workspace_id"),
    ],
    ids=["a token that expires", "an expired token", "a wrong workspace"],
)
def test_the_reference_example_gives_up_where_it_should(shared, page, browser, tenant, token, code, says):
    edge = shared.edge(PROGRAM, cors_origins=page.origin)
    run_example(browser, page, edge, token(tenant), tenant)
    lines = eventually(lambda: (printed := browser.printed())[-1:] == [says] and printed, f"the example says: {says}")
    assert lines[-2].startswith(f"[WS] closed: {code} "), lines
    # Proves that nothing happens: after any other code the example reconnects within 1.5 s.
    pause(2.5)
    assert browser.printed() == lines
    edge.terminate()
    assert edge.wait(timeout=30) == 0
