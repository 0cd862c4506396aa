"""What admins of a tenant see over HTTP (contract §11): who is connected, what the tenant uses of its shares, what the log holds of it."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.cursors import Cursor
from causeway_kit.proxy import Nginx
from causeway_kit.relay import RelayClient
from causeway_kit.services import command, is_built
from causeway_kit.sse import SSEConnection
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually

CONNECTIONS, USAGE, LOG = PATHS = ["/v1/admin/connections", "/v1/admin/usage", "/v1/admin/log"]


class Admin(ApprovalClient):
    """An admin of a tenant, at one replica of the approval API."""

    def ask(self, path, **query):
        answer = self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        expect_no_token("the answer", answer.text)
        return answer.json()

    def eventually(self, path, holds, what, **query):
        """Asks until `holds(answer)`, slowly enough for the tenant's share, and returns the answer."""

        def found():
            answer = self.ask(path, **query)
            return answer if holds(answer) else None

        return eventually(found, what, timeout=45, interval=0.6)

    def shares(self, program):
        """The shares of the tenant in the one process of a program, by their names."""
        [shares] = [instance["shares"] for instance in self.ask(USAGE)["instances"] if instance["program"] == program]
        return {share.pop("name"): share for share in shares}


@pytest.fixture(scope="module")
def service(shared):
    return approval_service(shared).wait_ready()


@pytest.fixture
def admin(service, tenant):
    return Admin(service, tenant, "olga")


def stream(edge, tenant, user="ann", **options):
    return SSEConnection(edge.url + NotificationStream.path, token=mint(tenant, user), **options)


def users(answer):
    return sorted(one["user"] for one in answer["items"])


# MARK: Who may ask


@pytest.mark.parametrize("path", PATHS)
def test_only_admins_of_the_tenant_may_ask(service, tenant, path):
    for roles in (("member",), ("producer",), ("issuer",), ()):
        answer = ApprovalClient(service, tenant, "ann", roles).send("GET", path)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden"), roles
    assert ApprovalClient(service, tenant).send("GET", path, token="x").status_code == 401


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=", "cursor=x", "cursor=a.b", "user=", "user=a&user=b", "user=%00"])
def test_a_query_that_cannot_be_is_refused(admin, query):
    answer = admin.send("GET", f"{CONNECTIONS}?{query}")
    assert answer.status_code == 400 and answer.json()["error"] == "validation_error" and query.split("=")[0] in answer.json()["message"]


# MARK: Connections


def test_connections_of_all_edges_are_shown_and_no_other_tenants(shared, edge, admin, tenant):
    relay, neighbour = shared.shared_edge_of("jsonrpc-relay"), f"{tenant}_neighbour"
    other = Admin(admin.service, neighbour, "olga")
    with stream(edge, tenant, query={"types": "incident.*"}), stream(edge, neighbour, "eve"), RelayClient(relay, mint(tenant, "bob")) as client:
        client.result("investigation.subscribe", {"incidentId": "inc_1"})
        event = shared.intake.publish({"type": "incident.created", "tenant": tenant, "payload": {"incidentId": "inc_1"}})[0]
        place = Cursor.parse(event).sequence

        def passed(answer):
            return users(answer) == ["ann", "bob"] and all(Cursor.parse(one["cursor"]).sequence >= place for one in answer["items"])

        answer = admin.eventually(CONNECTIONS, passed, "both connections have passed the event")
        shown = {one["user"]: one for one in answer["items"]}
        ann, bob = shown["ann"], shown["bob"]
        assert (ann["surface"], ann["types"], ann["lag"], ann["deliveries"]) == ("notification-stream", ["incident.*"], 0, 1)
        assert (bob["surface"], [topic["incidentId"] for topic in bob["subscriptions"]]) == ("relay", ["inc_1"])
        assert ann["bytes"] > 0 and ann["address"].startswith("127.0.0.1:") and {one["tenant"] for one in answer["items"]} == {tenant}
        programs = {one["instance"]: one["program"] for one in answer["edges"]}
        assert (programs[ann["instance"]], programs[bob["instance"]]) == ("sse-edge", "jsonrpc-relay")
        assert all(one["following"] for one in answer["edges"]) and answer["nextCursor"] is None
        assert users(admin.ask(CONNECTIONS, user="bob")) == ["bob"] and admin.ask(CONNECTIONS, user="eve")["items"] == []
        assert users(other.ask(CONNECTIONS)) == ["eve"]
    closed = admin.eventually(CONNECTIONS, lambda answer: len(answer["closed"]) == 2, "both have ended")
    assert closed["items"] == [] and all(one["until"] and one["cause"] for one in closed["closed"])
    assert {one["user"] for one in closed["closed"]} == {"ann", "bob"}


def test_pages_have_every_connection_once(shared, edge, admin, tenant):
    relay = shared.shared_edge_of("jsonrpc-relay")
    clients = [stream(edge, tenant) for _ in range(3)] + [RelayClient(relay, mint(tenant, "bob")) for _ in range(2)]
    try:
        admin.eventually(CONNECTIONS, lambda answer: len(answer["items"]) == 5, "all are open")
        found, query = [], {}
        while True:
            page = admin.ask(CONNECTIONS, limit=2, **query)
            assert len(page["items"]) <= 2
            found += [(one["instance"], one["id"]) for one in page["items"]]
            if page["nextCursor"] is None:
                break
            query = {"cursor": page["nextCursor"]}
        assert len(found) == len(set(found)) == 5
    finally:
        for client in clients:
            client.close()


def test_an_edge_that_does_not_answer_is_named_and_one_that_stopped_is_not(stack):
    first, second = stack.edges(2)
    admin = Admin(approval_service(stack).wait_ready(), "acme", "olga")

    def names(answer, part):
        return sorted(one["instance"] for one in answer[part])

    with stream(first, "acme"), stream(second, "acme", "bob"):
        # It knows all edges once it has listened for two of their reports.
        both = admin.eventually(CONNECTIONS, lambda answer: answer["complete"] and users(answer) == ["ann", "bob"], "both edges answer")
        held = next(one["instance"] for one in both["items"] if one["user"] == "bob")
        second.signal(signal.SIGSTOP)
        try:
            answer = admin.ask(CONNECTIONS)
            assert users(answer) == ["ann"] and names(answer, "silent") == [held] and not answer["complete"]
            assert answer["silent"][0]["program"] == "sse-edge" and answer["silent"][0]["lastHeard"] < answer["edges"][0]["time"]
        finally:
            second.signal(signal.SIGCONT)
        admin.eventually(CONNECTIONS, lambda answer: answer["complete"], "it answers again")
    second.terminate()
    assert second.wait(30) == 0
    answer = admin.eventually(CONNECTIONS, lambda answer: held not in names(answer, "edges"), "it has left")
    assert names(answer, "silent") == [] and answer["complete"]
    # One that was killed said nothing.
    first.kill()
    answer = admin.ask(CONNECTIONS)
    assert len(answer["silent"]) == 1 and answer["edges"] == [] and answer["items"] == [] and not answer["complete"]


@pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")
def test_why_asks_the_server_where_no_edges_are_named(stack):
    edge, service = stack.edge(), approval_service(stack).wait_ready()
    programs = {"sse-edge": [edge], "approval-api": [service], "event-producer": [stack.producer]}
    proxy = stack.add(Nginx(stack.directory, programs)).wait_ready()
    [event] = stack.intake.publish({"type": "a.b", "tenant": "acme", "payload": {}})

    def why(token, *options):
        arguments = ("why", "--event", event, "--user", "ann", *options)
        done = command("causeway", *arguments, causeway_url=proxy.url, causeway_token=token)
        expect_no_token("the command", done.stdout.decode() + done.stderr.decode())
        return done.returncode, done.stdout.decode()

    with stream(edge, "acme", headers={"Last-Event-ID": ""}):
        token = mint("acme", "olga", ("admin",))
        code, output = eventually(lambda: (said := why(token))[1].startswith("sent: ") and said, "it was sent", timeout=45, interval=1)
        assert code == 0 and "(notification-stream, sse-edge " in output
        # A producer's token shows no connections, and an admin's those of its tenant alone.
        assert why(producer_token("acme"))[0] == 78
        assert why(producer_token("globex"), "--tenant", "acme")[0] == 78


# MARK: Usage


def test_usage_says_what_is_taken_of_each_share_and_of_which_limit():
    # Of a deployment with the intake's default shares.
    with Stack(intake_events_per_second=1000, intake_bytes_per_second=4 << 20) as stack:
        edge = stack.edge(max_connections_per_tenant=5)
        relay = stack.edge("jsonrpc-relay", commands_per_second=7)
        stack.start("webhook-dispatcher", rate_limit=60, rate_burst=11).wait_ready()
        admin = Admin(approval_service(stack, rate_limit=600, rate_burst=300).wait_ready(), "acme", "olga")
        other = Admin(admin.service, "globex", "olga")
        with stream(edge, "acme"), stream(edge, "acme"), RelayClient(relay, mint("acme", "bob")):
            stack.intake.publish(*({"type": "a.b", "tenant": "acme", "payload": {"pad": "x" * 100}} for _ in range(30)))

            def everything(answer):
                programs = ["approval-api", "event-producer", "jsonrpc-relay", "sse-edge", "webhook-dispatcher"]
                return sorted(one["program"] for one in answer["instances"]) == programs and answer["complete"]

            admin.eventually(USAGE, everything, "every process answers")
            assert admin.shares("sse-edge") == {"connections": {"used": 2, "limit": 5}}
            assert admin.shares("jsonrpc-relay")["commands"] == {"used": 0, "limit": 70, "perSecond": 7, "lastMinute": 0}
            assert admin.shares("webhook-dispatcher")["requests"] == {"used": 0, "limit": 11, "perSecond": 1, "lastMinute": 0}
            requests = admin.shares("approval-api")["requests"]
            assert (requests["limit"], requests["perSecond"]) == (300, 10) and requests["lastMinute"] >= 4
            events, sizes = (admin.shares("event-producer")[name] for name in ("events", "bytes"))
            assert (events["limit"], events["perSecond"], events["lastMinute"]) == (10_000, 1000, 30) and 0 <= events["used"] <= 30
            assert sizes["lastMinute"] >= 3000
            assert other.shares("sse-edge")["connections"]["used"] == 0 and other.shares("event-producer")["events"]["lastMinute"] == 0


# MARK: The log


def test_the_log_counts_the_tenants_messages_and_says_its_limits(stack):
    admin, other = (Admin(approval_service(stack).wait_ready(), tenant, "olga") for tenant in ("acme", "globex"))
    part = admin.ask(LOG)["log"]
    assert part["messages"] == 0 and "keptSince" not in part and part["maxAge"] and part["maxBytes"] > 0
    stack.intake.publish(*({"type": "a.b", "tenant": tenant, "payload": {}} for tenant in ("acme", "acme", "globex")))
    stack.intake.publish(requested("app_1"))
    part = admin.ask(LOG)["log"]
    assert part["messages"] == 3 and part["keptSince"] and part["filledPercent"] == 0 and part["dropsOldest"] is True
    assert other.ask(LOG)["log"]["messages"] == 1
    record = admin.eventually(LOG, lambda answer: answer.get("approvals", {}).get("messages") == 1, "the request is recorded")["approvals"]
    assert record["dropsOldest"] is False and record["maxAge"] == "365d"
    assert other.ask(LOG)["approvals"]["messages"] == 0


# MARK: Limits, and the bus


def test_many_questions_of_a_tenant_stop_neither_others_nor_its_streams(shared, edge, service, tenant):
    admin, other = Admin(service, tenant, "olga"), Admin(service, f"{tenant}_neighbour", "olga")
    with stream(edge, tenant), ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: admin.send("GET", PATHS[number % 3]), range(60)))
        codes = {answer.status_code for answer in answers}
        assert codes == {200, 429}, codes
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"] == "rate_limited" and int(refused.headers["retry-after"]) >= 1
        assert other.ask(CONNECTIONS)["items"] == [] and other.ask(LOG)["log"]["messages"] == 0
        # The tenant's other requests have a share apart.
        assert admin.notifications().status_code == 200


def test_without_the_bus_every_answer_is_503(stack):
    admin = Admin(approval_service(stack).wait_ready(), "acme", "olga")
    stack.nats.kill()
    try:
        for path in PATHS:
            answer = eventually(
                lambda path=path: (got := admin.send("GET", path)).status_code == 503 and got, "the bus is missed", timeout=30, interval=0.6
            )
            assert answer.json()["error"] == "service_unavailable" and int(answer.headers["retry-after"]) >= 1
    finally:
        stack.nats.start()
