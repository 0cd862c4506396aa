"""Tokens renewed on open connections (contract §13): the workspace stream and the relay, through both doors."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from websockets.sync.client import connect

from causeway_kit.approvals import ApprovalClient, approval_service
from causeway_kit.doorways import DOORS, door_name
from causeway_kit.intake import Flow
from causeway_kit.relay import Relay, RelayClient, request
from causeway_kit.services import is_built
from causeway_kit.token_libraries import KEYS, LIBRARIES, key_set
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import TEXT, WebSocketConnection, frame
from causeway_kit.workspace import WorkspaceStream

pytestmark = pytest.mark.skipif(not (is_built(Relay.executable) and is_built(WorkspaceStream.executable)), reason="not all edges are built")

INVALID_PARAMS, EXPIRED, TOO_MANY = -32602, -32001, -32005
#: The beginning of a frame of the workspace stream.
START = '{"type":"authenticate","token":'


def iso(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WorkspaceLine:
    """A client of the workspace stream that renews its token."""

    surface = WorkspaceStream()

    def __init__(self, edge, token, tenant="acme"):
        query = {"token": token, "workspace": tenant}
        self.ws = WebSocketConnection(edge.url + self.surface.path, query=query)
        assert json.loads(self.ws.next_text())["type"] == "connected"

    def send(self, token):
        self.ws.send_text(json.dumps({"type": "authenticate", "token": token}))

    def renew(self, token):
        """Returns the expiry that the edge names."""
        self.send(token)
        message = json.loads(self.ws.next_text())
        assert list(message) == ["type", "payload", "ts"] and message["type"] == "authenticated", message
        assert list(message["payload"]) == ["expires_at"]
        return message["payload"]["expires_at"]

    def next_number(self):
        """The number of the next event."""
        return json.loads(self.ws.next_text())["payload"]["n"]

    def expect_refused(self):
        """The connection ends; returns the reason."""
        return self.ws.expect_close(4401)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()


class RelayLine:
    """A client of the relay that renews its token, and subscribes to the incident of numbered events."""

    surface = Relay()

    def __init__(self, edge, token, tenant="acme"):
        self.client = RelayClient(edge, token)
        self.ws = self.client.ws
        self.client.result("investigation.subscribe", {"incidentId": "inc_scenario"})

    def send(self, token):
        self.ws.send_text(request("authenticate", {"token": token}, id="renewal"))

    def renew(self, token):
        result = self.client.result("authenticate", {"token": token})
        assert list(result) == ["expiresAt"]
        return result["expiresAt"]

    def next_number(self):
        return self.client.next()["params"]["n"]

    def expect_refused(self):
        message = self.client.next()
        assert message["id"] is None and message["error"]["code"] == EXPIRED, message
        reason = self.ws.expect_close(1008)
        assert message["error"]["data"].startswith(reason)
        return message["error"]["data"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()


LINES = [WorkspaceLine, RelayLine]


@pytest.fixture(params=LINES, ids=lambda line: line.surface.executable)
def line(request):
    return request.param


@pytest.fixture(params=DOORS, ids=door_name)
def edge(request, shared, line):
    return shared.shared_edge_of(line.surface.executable, quick_door=request.param)


# MARK: The stream goes on


class Follower:
    """A client over the library `websockets` that outlives its tokens and notes the numbers of all events."""

    #: Seconds for which a token counts, and how many are left when it is renewed.
    LIFE, MARGIN = 5, 2

    def __init__(self, line, edge):
        self._is_relay = line is RelayLine
        self._renewed = []
        self.numbers = []
        token = self._mint()
        address = edge.url.replace("http", "ws") + line.surface.path
        if self._is_relay:
            self._connect = connect(address, additional_headers={"Authorization": f"Bearer {token}"}, open_timeout=15)
        else:
            self._connect = connect(f"{address}?{urlencode({'token': token, 'workspace': 'acme'})}", open_timeout=15)

    def __enter__(self):
        self._socket = self._connect.__enter__()
        assert "connected" in self._socket.recv(timeout=15)
        if self._is_relay:
            self._socket.send(request("investigation.subscribe", {"incidentId": "inc_scenario"}, id="subscription"))
            assert json.loads(self._socket.recv(timeout=15))["id"] == "subscription"
        return self

    def __exit__(self, *failure):
        self._connect.__exit__(*failure)

    def _mint(self, life=LIFE):
        self._expiry = int(time.time()) + life
        return mint(exp=self._expiry)

    def outlive(self, tokens):
        """Renews in time, until that many tokens have expired."""
        for is_last in (number == tokens for number in range(1, tokens + 1)):
            expiry = self._expiry
            while time.time() < expiry - self.MARGIN:
                self._read()
            token = self._mint(600 if is_last else self.LIFE)
            self._socket.send(
                request("authenticate", {"token": token}, id="renewal") if self._is_relay else json.dumps({"type": "authenticate", "token": token})
            )
            while not self._renewed:
                self._read()
            assert self._renewed.pop() == iso(self._expiry)
        while time.time() < expiry + 1:
            self._read()

    def read_through(self, number):
        while not self.numbers or self.numbers[-1] < number:
            self._read()

    def _read(self):
        match json.loads(self._socket.recv(timeout=15)):
            case {"type": "authenticated", "payload": {"expires_at": expiry}} | {"id": "renewal", "result": {"expiresAt": expiry}}:
                self._renewed.append(expiry)
            case {"type": "investigation.progress", "payload": {"n": number}} | {"method": "investigation.progress", "params": {"n": number}}:
                self.numbers.append(number)
            case {"type": "heartbeat"}:
                pass
            case other:
                raise AssertionError(f"not a message that was due: {other}")


def test_connections_outlive_their_tokens_without_a_gap(stack):
    edges = [(line, stack.edge(line.surface.executable, quick_door=door, log_level="trace")) for line in LINES for door in DOORS]
    with ExitStack() as opened:
        followers = [opened.enter_context(Follower(line, edge)) for line, edge in edges]
        flow = Flow(stack.intake, (Relay().numbered(number) for number in itertools.count(1)), rate=50, batch=1)
        flow.start()
        with ThreadPoolExecutor(len(followers)) as threads:
            list(threads.map(lambda follower: follower.outlive(3), followers))
        flow.stop()
        for (_, edge), follower in zip(edges, followers, strict=True):
            follower.read_through(flow.accepted)
            assert follower.numbers == list(range(1, flow.accepted + 1))
            assert edge.metrics()['causeway_edge_renewals_total{outcome="renewed"}'] == 3


def test_the_new_expiry_counts(edge, line, tenant):
    token = mint(tenant)
    with line(edge, token, tenant) as client:
        expiry = int(time.time()) + 3
        assert client.renew(mint(tenant, exp=expiry)) == iso(expiry)
        assert "expired" in client.expect_refused()
        assert time.time() >= expiry


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_tokens_of_other_libraries(stack, tmp_path, line):
    file = tmp_path / "jwks.json"
    file.write_text(key_set())
    edge = stack.edge(line.surface.executable, auth_jwks_file=file)
    with line(edge, mint()) as client:
        for number, (library, algorithm) in enumerate(itertools.product(LIBRARIES, ["HS256", *KEYS])):
            expiry = int(time.time()) + 600 + number
            claims = {"sub": "usr_1", "tenant_id": "acme", "roles": ["member"], "exp": expiry}
            assert client.renew(library(claims, algorithm)) == iso(expiry)


# MARK: What is not accepted

REFUSED = {
    "another user": (lambda tenant: mint(tenant, user="usr_2"), "another user or tenant"),
    "another tenant": (lambda tenant: mint("globex"), "another user or tenant"),
    "expired": (lambda tenant: mint(tenant, lifetime=-5), "The token has expired"),
    "another key": (lambda tenant: mint(tenant, secret="another secret that is as long as it has to be, of 64 bytes and more"), "signature"),
    "no token": (lambda tenant: "nonsense", "token"),
    "empty": (lambda tenant: "", "A token is needed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_is_not_accepted_ends_the_connection_with_the_reason(edge, line, tenant, case):
    make, reason = REFUSED[case]
    with line(edge, mint(tenant), tenant) as client:
        client.send(make(tenant))
        assert reason in client.expect_refused()


def test_roles_are_those_of_the_new_token(stack):
    stack.bus.answer_commands("who.asks", lambda headers: [("result", json.dumps(headers["causeway-roles"]).encode())])
    relay = stack.edge(Relay.executable)
    with RelayClient(relay, mint(roles=("admin", "member"))) as client:
        assert client.result("who.asks") == "admin,member"
        client.result("authenticate", {"token": mint(roles=("member",))})
        assert client.result("who.asks") == "member"
    with RelayLine(relay, mint()) as client:
        client.send(mint(roles=("producer",)))
        assert "admin, member" in client.expect_refused()
    # The workspace stream needs no role.
    with WorkspaceLine(stack.edge(WorkspaceStream.executable), mint()) as client:
        client.renew(mint(roles=()))


def test_revocations_concern_the_token_that_the_connection_has(stack, line):
    service = approval_service(stack).wait_ready()
    edge = stack.edge(line.surface.executable, log_level="trace")
    admin = ApprovalClient(service, user="usr_admin")

    def revoke(jti):
        answer = admin.send("POST", "/v1/tokens/revocations", json={"jti": jti})
        assert answer.status_code == 202, answer.text

    with line(edge, mint(jti="first")) as client:
        client.renew(mint(jti="second"))
        revoke("first")
        eventually(lambda: edge.metrics()["causeway_revocations"] == 1, "the edge knows it")
        stack.intake.publish(client.surface.numbered(1))
        assert client.next_number() == 1
        # Back to the revoked one: the connection ends, though its own token counts.
        with line(edge, mint(jti="third")) as other:
            other.send(mint(jti="first"))
            assert "revoked" in other.expect_refused()
        revoke("second")
        assert "revoked" in client.expect_refused()


# MARK: Malformed, and too much


@pytest.mark.parametrize(
    "text",
    ["hello", "[]", '{"type":"authenticate"}', f"{START}null}}", f"{START}1}}", f'{START}"a","token":"b"}}', f'{START}"a"', '{"type":"x"}'],
)
def test_other_texts_are_ignored_on_the_workspace_stream(shared, tenant, text):
    edge = shared.shared_edge_of(WorkspaceStream.executable, quick_door=DOORS[0])
    with WorkspaceLine(edge, mint(tenant), tenant) as client:
        client.ws.send_text(text)
        shared.intake.publish(client.surface.numbered(1, tenant))
        assert client.next_number() == 1


@pytest.mark.parametrize("params", [None, {}, [], ["a"], {"token": None}, {"token": 1}, {"token": ["a"]}])
def test_malformed_params_are_an_error_of_the_relay(shared, tenant, params):
    relay = shared.shared_edge_of(Relay.executable, quick_door=DOORS[0])
    with RelayClient(relay, mint(tenant)) as client:
        assert client.error("authenticate", params) == INVALID_PARAMS
        # A notification is not answered, and renews all the same.
        client.ws.send_text(request("authenticate", {"token": mint(tenant)}))
        client.expect_silence()


def test_a_batch_renews_once_and_goes_on(shared, tenant):
    relay = shared.shared_edge_of(Relay.executable, quick_door=DOORS[0])
    with RelayClient(relay, mint(tenant)) as client:
        calls = [json.loads(request("authenticate", {"token": mint(tenant)}, id=number)) for number in range(100)]
        client.ws.send_text(json.dumps(calls))
        answers = client.next()
        assert [answer["id"] for answer in answers] == list(range(100))
        assert "expiresAt" in answers[0]["result"]
        assert {answer["error"]["code"] for answer in answers[1:]} == {TOO_MANY}
        client.expect_silence()


def test_a_flood_of_tokens_ends_its_own_connection_alone(shared, tenant):
    edge = shared.shared_edge_of(WorkspaceStream.executable, quick_door=DOORS[0])
    with WorkspaceLine(edge, mint(tenant), tenant) as other, WorkspaceLine(edge, mint(tenant), tenant) as flood:
        texts = [json.dumps({"type": "authenticate", "token": mint(tenant, jti=f"{number}")}) for number in range(50)]
        # In one piece: the edge has the second one before it has verified the first.
        flood.ws.send_bytes(b"".join(frame(TEXT, text.encode()) for text in texts))
        assert "being verified" in flood.ws.expect_close(1008)
        shared.intake.publish(other.surface.numbered(1, tenant))
        assert other.next_number() == 1
