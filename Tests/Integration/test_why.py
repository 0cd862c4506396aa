"""`causeway why`: every answer from its real cause (docs/operating.md), and what it asks the intake and the edges for (contract §10, §11)."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.cut_line import CutLine
from causeway_kit.ports import free_port
from causeway_kit.relay import RelayClient
from causeway_kit.services import Service, command, is_built
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")


class Question:
    """Asks why `ann` of the tenant did not get an event."""

    def __init__(self, stack, tenant, *edges):
        self.stack, self.tenant, self.edges = stack, tenant, edges

    def publish(self, type="incident.created", **more):
        """Publishes an event of the tenant and returns its id."""
        [id] = self.stack.intake.publish({"type": type, "tenant": self.tenant, "payload": {"incidentId": "inc_1"}} | more)
        return id

    def run(self, event, *options, token=None, edges=None):
        """Returns exit code, output and errors, and checks that neither shows a token."""
        edges = [edge.admin_url for edge in self.edges] if edges is None else edges
        arguments = ("why", "--event", event, "--user", "ann", *(("--edges", ",".join(edges)) if edges else ()), *options)
        token = producer_token(self.tenant) if token is None else token
        done = command("causeway", *arguments, causeway_url=self.stack.producer.url, causeway_token=token)
        output, errors = done.stdout.decode(), done.stderr.decode()
        expect_no_token("the command", output + errors)
        return done.returncode, output, errors

    def ask(self, event, *options, **more):
        """Returns the answers, the one that explains most first."""
        code, output, errors = self.run(event, "--output", "json", *options, **more)
        assert code == 0, (output, errors)
        answer = json.loads(output)
        assert answer["event"] == event and answer["user"] == "ann" and answer["answer"] == answer["reasons"][0]["answer"]
        return answer["reasons"]

    def eventually(self, name, event, *options, **more):
        """Waits until the first answer is this one, and returns it."""

        def first():
            [reason, *_] = self.ask(event, *options, **more)
            return reason if reason["answer"] == name else None

        return eventually(first, f"the answer is {name}", timeout=30, interval=0.1)

    def stream(self, edge, **options):
        return SSEConnection(edge.url + NotificationStream.path, token=mint(self.tenant, "ann"), **options)

    def connections(self, edge, **query):
        """What the edge's admin listener says of the tenant."""
        response = httpx.get(f"{edge.admin_url}/connections", params={"tenant": self.tenant} | query, timeout=15)
        assert response.status_code == 200, response.text
        expect_no_token("the list of connections", response.text)
        return response.json()

    def has_passed(self, edge, event):
        """Waits until the edge, and each connection of the tenant, has passed the event."""

        def passed():
            page = self.connections(edge)
            places = [page["position"], *(one["cursor"] for one in page["connections"])]
            return all(Cursor.parse(place).sequence >= Cursor.parse(event).sequence for place in places)

        eventually(passed, "the edge has passed the event")

    def is_closed(self, edge):
        return eventually(lambda: self.connections(edge, user="ann")["closed"], "the connection is closed")


@contextmanager
def renamed(edge, host):
    """The address of the edge's admin listener under a name of the public DNS, which no test machine resolves: requests arrive with that `Host`."""

    class Forwarder(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = httpx.get(edge.admin_url + self.path, headers={"Host": host}, timeout=15)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwarder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), name="renamed edge", daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def question(shared, edge, tenant):
    return Question(shared, tenant, edge)


# MARK: The answers


def test_an_event_that_no_log_has(question):
    [reason] = question.ask("evt_01HX9VTPQR3KF0MZWBYD5N6JCE", edges=[])
    assert (reason["answer"], reason["removed"]) == ("not_in_log", False)


def test_an_event_that_retention_has_removed(stack):
    question = Question(stack, "acme")
    event, later = question.publish(), question.publish()
    stack.bus.purge(before=Cursor.parse(later).sequence)
    assert question.eventually("not_in_log", event, edges=[])["removed"] is True
    assert question.run(event, edges=[])[1] == f"not in the log: its retention has removed {event}\n"


def test_an_event_of_another_tenant(question):
    [reason] = question.ask(question.publish(), "--tenant", "another", edges=[])
    assert (reason["answer"], reason["tenant"]) == ("other_tenant", question.tenant)


def test_an_event_for_another_user(question):
    event = question.publish(user="bob")
    [reason] = question.ask(event, edges=[])
    assert (reason["answer"], reason["recipients"]) == ("other_user", ["bob"])
    # An administrator may not see it, so it might as well not be there.
    [hidden] = question.ask(event, edges=[], token=mint(question.tenant, "olga", ("admin",)))
    assert (hidden["answer"], hidden["removed"]) == ("not_in_log", False)


def test_an_event_that_was_sent(question, edge):
    with question.stream(edge):
        event = question.publish()
        sent = question.eventually("sent", event)
        [shown] = question.connections(edge, user="ann")["connections"]
        assert (sent["connection"], sent["surface"]) == (shown["id"], "notification-stream") and sent["from"] <= sent["to"]
        # The peer is the test's own kernel, which acknowledges what it has.
        eventually(lambda: question.ask(event)[0]["unacknowledged"] == 0, "all bytes are acknowledged")
        text = question.run(event)[1]
        assert text.startswith(f"sent: connection {shown['id']} (notification-stream, sse-edge at {edge.admin_url}) wrote it between ")
        assert text.endswith(" bytes written, all acknowledged by the peer's kernel\n") and shown["bytes"] > 0
    question.is_closed(edge)
    [sent] = question.ask(event)
    assert (sent["answer"], sent["connection"]) == ("sent", shown["id"]) and sent["to"] == sent["until"] and "unacknowledged" not in sent


def test_an_event_that_a_long_poll_returned(question, edge):
    def poll(**query):
        return httpx.get(f"{edge.url}/v1/events", params=query, headers={"Authorization": f"Bearer {mint(question.tenant, 'ann')}"}).json()

    start = poll(wait="0s")["cursor"]
    event = question.publish()
    assert [one["id"] for one in poll(wait="20s", last_event_id=start)["events"]] == [event]
    assert question.eventually("sent", event)["surface"] == "long-poll"


def test_an_event_that_the_types_filter(question, edge):
    with question.stream(edge, query={"types": "approval.*,incident.resolved"}):
        event = question.publish()
        filtered = question.eventually("filtered", event)
        assert filtered["sentence"].endswith(" takes only types approval.*, incident.resolved")


def test_an_event_that_the_relays_client_has_not_subscribed_to(shared, tenant):
    relay = shared.shared_edge_of("jsonrpc-relay")
    question = Question(shared, tenant, relay)
    with RelayClient(relay, mint(tenant, "ann")) as client:
        payload = {"incidentId": "inc_1", "message": "m", "agentName": "a"}
        event = question.publish("investigation.progress", payload=payload)
        assert question.eventually("filtered", event)["sentence"].endswith(" has no subscription that pushes it")
        question.has_passed(relay, event)
        client.result("investigation.subscribe", {"incidentId": "inc_1"})
        [shown] = question.connections(relay)["connections"]
        assert [(topic["family"], topic["incidentId"]) for topic in shown["subscriptions"]] == [("investigation", "inc_1")]
        assert question.eventually("before_cursor", event)["connection"] == shown["id"]
        assert question.eventually("sent", question.publish("investigation.progress", payload=payload))["connection"] == shown["id"]


def test_an_event_before_the_connection_began(question, edge):
    event = question.publish()
    # Until then it is news, also for a client that comes now.
    question.has_passed(edge, event)
    with question.stream(edge):
        before, gap = question.ask(event)
        assert (before["answer"], gap["answer"]) == ("before_cursor", "no_connection") and gap["to"] == before["since"]
    # A client that resumes gets it.
    with question.stream(edge, headers={"Last-Event-ID": ""}):
        question.eventually("sent", event)


def test_an_event_that_a_slow_client_has_not_taken(question, edge):
    with question.stream(edge, receive_buffer=4096):
        event = [question.publish(payload={"incidentId": "inc_1", "pad": "x" * 100_000}) for _ in range(40)][-1]
        lagging = question.eventually("lagging", event)
        assert lagging["lag"] > 0 and lagging["unacknowledged"] > 0
    question.is_closed(edge)
    ended = question.eventually("lagging", event)
    assert ended["until"] and " was " in ended["sentence"]


def test_an_event_while_the_user_had_no_connection(question, edge):
    event = question.publish()
    [reason] = question.ask(event)
    assert reason["answer"] == "no_connection" and "ann" in reason["sentence"]
    question.stream(edge).close()
    [closed] = question.is_closed(edge)
    [reason] = question.ask(question.publish())
    assert (reason["answer"], reason["from"]) == ("no_connection", closed["until"])


def test_an_edge_that_does_not_follow_the_log(shared, tenant):
    line = CutLine(urlsplit(shared.nats.url).port)
    bus = line.url.replace("http://", "nats://")
    edge = shared.add(Service("sse-edge", shared.directory, nats_url=bus, name="sse-edge-behind-a-line", heartbeat_interval="1h"))
    try:
        edge.wait_ready()
        question = Question(shared, tenant, edge)
        with question.stream(edge):
            line.hold()
            line.cut()
            eventually(lambda: not question.connections(edge)["following"], "the edge has lost the log", timeout=30)
            event = question.publish()
            reason = question.eventually("edge_not_following", event)
            assert edge.admin_url in reason["edge"] and reason["reason"]
    finally:
        line.close()
        shared.remove(edge)


# MARK: Several connections, several edges


def test_the_connection_that_explains_most_comes_first_and_one_can_be_named(question, edge):
    with question.stream(edge, query={"types": "a.b"}), question.stream(edge):
        event = question.publish()
        question.eventually("sent", event)
        sent, filtered = question.ask(event)
        assert (sent["answer"], filtered["answer"]) == ("sent", "filtered")
        assert [one["answer"] for one in question.ask(event, "--connection", filtered["connection"])] == ["filtered"]
        requests = {one["id"]: one["requestId"] for one in question.connections(edge)["connections"]}
        assert [one["answer"] for one in question.ask(event, "--connection", requests[sent["connection"]])] == ["sent"]
        code, output, errors = question.run(event, "--connection", "9-9-9")
        assert (code, output) == (65, "") and "9-9-9" in errors


def test_an_edge_that_does_not_answer_is_named_and_the_others_decide(question, edge):
    event, away = question.publish(), f"http://127.0.0.1:{free_port()}"
    code, output, errors = question.run(event, edges=[away, edge.admin_url])
    assert code == 0 and output.startswith("no connection: ann had none between ") and away in errors
    code, output, errors = question.run(event, edges=[away])
    assert (code, output) == (69, "") and away in errors
    # A public listener is no admin listener.
    code, output, errors = question.run(event, edges=[edge.url])
    assert (code, output) == (69, "") and "--edges" in errors


def test_a_name_that_the_edge_refuses_is_told_with_its_rule(question, edge):
    event = question.publish()
    with renamed(edge, "edge.example.com") as public:
        code, output, errors = question.run(event, edges=[public])
        assert (code, output) == (69, "") and "does not answer to the name" in errors and "Name the edge so with --edges" in errors
        assert ".home.arpa" in errors, "the rule is the edge's own"
        # The others decide.
        code, output, errors = question.run(event, edges=[public, edge.admin_url])
        assert code == 0 and output.startswith("no connection") and public in errors


def test_mistakes_have_their_exit_codes(question):
    event = question.publish()
    assert question.run("evt_1")[0] == 64
    assert question.run(event, edges=[])[0] == 78
    assert question.run(event, edges=["127.0.0.1:1"])[0] == 78
    assert question.run(event, token="")[0] == 78
    assert question.run(event, token=mint(question.tenant, roles=["issuer"]))[0] == 77


# MARK: What it asks


def test_a_connection_is_shown_with_what_the_edge_holds(question, edge):
    start = question.publish()
    with question.stream(edge, headers={"Last-Event-ID": start}, query={"types": "incident.*"}) as client:
        port = client.socket.getsockname()[1]
        event = question.publish()
        question.has_passed(edge, event)
        page = question.connections(edge, user="ann")
        [shown] = page["connections"]
        assert (shown["tenant"], shown["user"], shown["surface"], shown["types"]) == (question.tenant, "ann", "notification-stream", ["incident.*"])
        assert (shown["start"], shown["cursor"]) == (start, event)
        assert (shown["lag"], shown["deliveries"], shown["address"]) == (0, 1, f"127.0.0.1:{port}")
        assert shown["requestId"].startswith("req_") and shown["bytes"] > 0 and shown["since"] <= page["time"]
        assert page["program"] == "sse-edge" and page["following"] is True and "next" not in page
        assert question.connections(edge, user="bob")["connections"] == []
    [closed] = question.is_closed(edge)
    assert closed["id"] == shown["id"] and closed["cause"] and closed["until"] >= page["closedSince"]


def test_pages_have_every_connection_once(question, edge):
    clients = [question.stream(edge) for _ in range(5)]
    try:
        eventually(lambda: len(question.connections(edge)["connections"]) == 5, "all are open")
        ids, after = [], {}
        while True:
            page = question.connections(edge, limit=2, **after)
            assert len(page["connections"]) <= 2
            ids += [one["id"] for one in page["connections"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        assert len(ids) == len(set(ids)) == 5
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x", "tenant=", "user=%00", "user=a&user=b"])
def test_a_query_that_cannot_be_is_refused(edge, query):
    answer = httpx.get(f"{edge.admin_url}/connections?{query}")
    assert answer.status_code == 400 and answer.json()["error"] == "validation_error" and query.split("=")[0] in answer.json()["message"]


def test_a_page_whose_name_became_the_listeners_address_reads_nothing(edge, tenant):
    def ask(path, host):
        return httpx.get(edge.admin_url + path, params={"tenant": tenant}, headers={"Host": host}, timeout=15)

    refused = ask("/connections", "page.example")
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden") and "connections" not in refused.json()
    assert ask("/connections", "sse-edge:9081").status_code == 200
    # Platforms ask by any name; users are in no answer.
    assert ask("/healthz", "page.example").status_code == 200


def test_only_edges_have_it_and_only_on_their_admin_listener(shared, edge):
    assert httpx.get(f"{edge.url}/connections").status_code == 404
    assert httpx.get(f"{shared.producer.admin_url}/connections").status_code == 404


def test_a_stored_event_is_shown_to_those_who_may_see_it(shared, tenant):
    def show(id, token):
        return httpx.get(f"{shared.producer.url}/v1/events/{id}", headers={"Authorization": f"Bearer {token}"})

    event = {"type": "a.b", "tenant": tenant, "id": "one", "time": "2024-04-01T14:32:10.000Z"}
    public, private = shared.intake.publish(event | {"payload": {"n": 1.0}}, event | {"id": "two", "user": "bob", "payload": {}})
    attributes = show(public, producer_token("elsewhere")).json()
    whole = show(public, mint(tenant, "olga", ("admin",))).json()
    assert whole == attributes | {"payload": {"n": 1.0}} and attributes.pop("receivedAt") > "2024-04-01"
    assert attributes == {"id": public, "eventId": "one", "tenant": tenant, "type": "a.b", "timestamp": event["time"]}
    assert show(private, producer_token("elsewhere")).json()["recipients"] == ["bob"]
    for roles in (("admin",), ("member",)):
        one, bob, stranger = (mint(*who, roles) for who in ((tenant, "olga"), (tenant, "bob"), ("elsewhere", "olga")))
        assert [show(public, token).status_code for token in (one, bob, stranger)] == [200, 200, 404]
        assert [show(private, token).status_code for token in (one, bob, stranger)] == [404, 200, 404]
    # All answers to what is not there are alike: a later id, one with another time, an event of others.
    place = Cursor.parse(private)
    absent = show(place._replace(sequence=place.sequence + 1_000_000).text, one)
    for id in (private, place._replace(time=place.time - 1).text, place._replace(epoch=place.epoch ^ 1).text):
        answer = show(id, one)
        assert (answer.status_code, answer.content, set(answer.headers)) == (404, absent.content, set(absent.headers)), id
    assert show(public, mint(tenant, "olga", ("issuer",))).status_code == 403


def test_a_deleted_event_is_absent_and_a_removed_one_is_gone(stack):
    def status(id):
        return httpx.get(f"{stack.producer.url}/v1/events/{id}", headers={"Authorization": f"Bearer {producer_token()}"}).status_code

    first, second, third = (stack.intake.publish({"type": "a.b", "tenant": "acme", "payload": {"n": n}})[0] for n in range(3))
    stack.bus.delete(Cursor.parse(second).sequence)
    assert [status(id) for id in (first, second, third)] == [200, 404, 200]
    stack.bus.purge(before=Cursor.parse(third).sequence)
    eventually(lambda: [status(id) for id in (first, second, third)] == [410, 410, 200], "both are gone")
