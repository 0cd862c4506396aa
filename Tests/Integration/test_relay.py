"""The rules of contract §6 for the relay."""

import json
import re
import time
from datetime import datetime

import httpx
import pytest

from causeway_kit.browser import Browser, PageServer
from causeway_kit.cursors import Cursor
from causeway_kit.reference import SAMPLES
from causeway_kit.reference_clients import relay_example
from causeway_kit.relay import Relay, RelayClient, request
from causeway_kit.services import is_built
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import BINARY, TEXT, Text, WebSocketConnection, frame

PROGRAM = Relay.executable
PATH = Relay.path
STATUS = "/v1/relay/status"
INCIDENT = "inc_EXAMPLE_01JX"
PARSE_ERROR, INVALID_REQUEST, NOT_FOUND, INVALID_PARAMS, EXPIRED, NO_SUBSCRIPTION = -32700, -32600, -32601, -32602, -32001, -32002
LIMIT = 64 * 1024

pytestmark = pytest.mark.skipif(not is_built(PROGRAM), reason=f"{PROGRAM} is not built")


@pytest.fixture
def edge(shared):
    return shared.shared_edge_of(PROGRAM)


@pytest.fixture
def client(edge, tenant):
    with RelayClient(edge, mint(tenant)) as connection:
        yield connection


def event(type, incident, tenant, n=0, **payload):
    """Returns an event of an incident, with the required fields of its type."""
    needed = {
        "investigation.progress": {"message": "m", "agentName": "a"},
        "remediation.proposed": {"remediationId": "r", "title": "t", "requiresApproval": True},
        "remediation.approved": {"remediationId": "r"}, "remediation.rejected": {"remediationId": "r"},
        "remediation.executed": {"remediationId": "r"}, "approval.requested": {"approvalId": f"apr_{n}_{incident}", "remediationId": "r"},
        "approval.resolved": {"approvalId": "a", "remediationId": "r", "action": "approve"},
        "approval.voted": {"approvalId": "a", "remediationId": "r", "votedBy": "u", "action": "approve"},
        "approval.escalated": {"approvalId": "a", "remediationId": "r", "step": 1},
        "approval.consumed": {"approvalId": "a", "remediationId": "r", "consumedBy": "u"},
        "incident.status_changed": {"status": "s"},
    }.get(type, {})  # fmt: skip
    incident = {} if incident is None else {"incidentId": incident}
    return {"type": type, "tenant": tenant, "payload": incident | needed | {"n": n} | payload}


INVESTIGATION = ["investigation.progress", "investigation.completed", "investigation.known_solution_found"]
REMEDIATION = [f"remediation.{verb}" for verb in ("proposed", "approved", "rejected", "executed")]
REMEDIATION += [f"approval.{verb}" for verb in ("requested", "resolved", "voted", "escalated", "consumed")]


def pushes(client, count):
    """The next messages as (method, n)."""
    messages = [client.next() for _ in range(count)]
    assert all(set(message) == {"jsonrpc", "method", "params"} for message in messages), messages
    return [(message["method"], message["params"]["n"]) for message in messages]


# MARK: Judged before the upgrade

OTHER_SECRET = "another-secret-of-sufficient-length-for-hmac-256"
REFUSED = {
    "no token": (lambda tenant: {}, 401),
    "no JWT": (lambda tenant: {"token": "nonsense"}, 401),
    "an expired token": (lambda tenant: {"token": mint(tenant, exp=int(time.time()) - 5)}, 401),
    "a token of another secret": (lambda tenant: {"token": mint(tenant, secret=OTHER_SECRET)}, 401),
    "a wrong token in the query": (lambda tenant: {"query": {"token": "nonsense"}}, 401),
    "a wrong token in the header": (lambda tenant: {"token": "nonsense", "query": {"token": mint(tenant)}}, 401),
    "no role": (lambda tenant: {"token": mint(tenant, roles=())}, 403),
    "another role": (lambda tenant: {"token": mint(tenant, roles=("producer",))}, 403),
    "another tenant": (lambda tenant: {"token": mint(tenant), "headers": {"X-Tenant-Id": f"{tenant}_other"}}, 403),
    "an empty tenant": (lambda tenant: {"token": mint(tenant), "headers": {"X-Tenant-Id": ""}}, 403),
}


@pytest.mark.parametrize(("options", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_who_may_not_connect_is_told_before_the_upgrade(edge, tenant, options, status):
    with WebSocketConnection(edge.url + PATH, **options(tenant)) as client:
        assert client.status == status
        assert client.headers["content-type"].startswith("application/json")
        error = json.loads(client.body())
        assert error["error"] == {401: "unauthorized", 403: "forbidden"}[status] and error["message"]
        assert ("www-authenticate" in client.headers) == (status == 401)


@pytest.mark.parametrize(
    "options",
    [
        lambda tenant: {"token": mint(tenant)},
        lambda tenant: {"token": mint(tenant, roles=("admin",))},
        lambda tenant: {"query": {"token": mint(tenant)}},
        lambda tenant: {"token": mint(tenant), "query": {"token": "nonsense"}},
        lambda tenant: {"token": mint(tenant), "headers": {"X-Tenant-Id": tenant}},
    ],
    ids=["member", "admin", "token in the query", "the header wins", "the tenant named"],
)
def test_connected_comes_first(edge, tenant, options):
    before = time.time()
    with WebSocketConnection(edge.url + PATH, **options(tenant)) as client:
        assert client.status == 101, client.body()
        message = json.loads(client.next_text())
    params = message.pop("params")
    assert message == {"jsonrpc": "2.0", "method": "connected"}
    assert set(params) == {"connectionId", "tenantId", "serverTime"} and params["tenantId"] == tenant
    assert re.fullmatch(r"conn_[0-9A-HJKMNP-TV-Z]{26}", params["connectionId"])
    moment = datetime.fromisoformat(params["serverTime"].replace("Z", "+00:00")).timestamp()
    assert before - 1 <= moment <= time.time() + 1


def test_every_connection_has_an_id_of_its_own(edge, tenant):
    ids = set()
    for _ in range(10):
        with RelayClient(edge, mint(tenant)) as client:
            ids.add(client.connected["params"]["connectionId"])
    assert len(ids) == 10


# MARK: Subscriptions


@pytest.mark.parametrize(("method", "types"), [("investigation.subscribe", INVESTIGATION), ("remediation.subscribe", REMEDIATION)])
def test_a_subscription_pushes_its_types_of_its_incident_in_order(shared, client, tenant, method, types):
    result = client.result(method, {"incidentId": "inc_1"})
    assert set(result) == {"subscriptionId", "incidentId"} and result["incidentId"] == "inc_1"
    assert re.fullmatch(r"sub_[0-9A-HJKMNP-TV-Z]{26}", result["subscriptionId"])
    everything = [*INVESTIGATION, *REMEDIATION, "incident.created", "incident.status_changed", "house.made_up"]
    events = []
    for n, type in enumerate(everything * 2):
        events += [event(type, incident, tenant, n) for incident in ("inc_1", "inc_2", "inc_10", "INC_1")]
    # Without an incident, and with one that is not a string.
    events += [event("remediation.approved", None, tenant), event("house.other", None, tenant, incidentId=["inc_1"])]
    shared.intake.publish(*events)
    want = [(type, n) for n, type in enumerate(everything * 2) if type in types]
    assert pushes(client, len(want)) == want
    client.expect_silence()


def test_pushes_are_the_payload_as_it_was_sent(shared, client, tenant):
    client.result("investigation.subscribe", {"incidentId": INCIDENT})
    client.result("remediation.subscribe", {"incidentId": INCIDENT})
    parts = []
    for sample in SAMPLES:
        members = {"type": sample.type, "tenant": tenant, "time": sample.time} | ({"user": sample.user} if sample.user else {})
        parts.append(json.dumps(members).encode()[:-1] + b', "payload": ' + sample.payload + b"}")
    assert shared.intake.post(b"[" + b",".join(parts) + b"]").status_code == 202
    due = [s for s in SAMPLES if s.type in INVESTIGATION + REMEDIATION and json.loads(s.payload).get("incidentId") == INCIDENT]
    assert len(due) >= 6
    for sample in due:
        interior = sample.payload.decode().strip()[1:-1]
        want = '{"jsonrpc":"2.0","method":"%s","params":{%s,"timestamp":"%s"}}' % (sample.type, interior, sample.shown_time)
        assert client.ws.next_text() == want
    client.expect_silence()


def test_several_matching_subscriptions_push_once(shared, client, tenant):
    ids = {client.result("investigation.subscribe", {"incidentId": "inc_1"})["subscriptionId"] for _ in range(3)}
    client.result("remediation.subscribe", {"incidentId": "inc_1"})
    client.result("investigation.subscribe", {"incidentId": "inc_2"})
    events = [event("investigation.progress", f"inc_{1 + n % 2}", tenant, n) for n in range(20)]
    shared.intake.publish(*events)
    assert pushes(client, 20) == [("investigation.progress", n) for n in range(20)]
    # Ending one of them keeps the others.
    client.result("investigation.unsubscribe", {"subscriptionId": ids.pop()})
    shared.intake.publish(event("investigation.progress", "inc_1", tenant, 99))
    assert pushes(client, 1) == [("investigation.progress", 99)]
    client.expect_silence()


@pytest.mark.parametrize("kind", ["investigation", "remediation"])
@pytest.mark.parametrize("by", ["subscriptionId", "incidentId"])
def test_unsubscribing_ends_the_pushes(shared, client, tenant, kind, by):
    subscription = client.result(f"{kind}.subscribe", {"incidentId": "inc_1"})
    other = client.result(f"{kind}.subscribe", {"incidentId": "inc_2"})
    assert client.result(f"{kind}.unsubscribe", {by: subscription[by]}) == subscription | {"unsubscribed": True}
    type = {"investigation": "investigation.completed", "remediation": "remediation.executed"}[kind]
    shared.intake.publish(event(type, "inc_1", tenant, 1), event(type, "inc_2", tenant, 2))
    assert pushes(client, 1) == [(type, 2)]
    client.expect_silence()
    assert client.error(f"{kind}.unsubscribe", {by: subscription[by]}) == NO_SUBSCRIPTION
    assert client.result(f"{kind}.unsubscribe", {by: other[by]})["unsubscribed"] is True


def test_the_other_kinds_subscription_is_not_found(client):
    subscription = client.result("remediation.subscribe", {"incidentId": "inc_1"})
    for params in ({"subscriptionId": subscription["subscriptionId"]}, {"incidentId": "inc_1"}, {"subscriptionId": "sub_nonsense"}):
        assert client.error("investigation.unsubscribe", params) == NO_SUBSCRIPTION


def test_subscriptions_of_another_connection_are_not_found(edge, client, tenant):
    subscription = client.result("investigation.subscribe", {"incidentId": "inc_1"})
    with RelayClient(edge, mint(tenant)) as other:
        assert other.error("investigation.unsubscribe", {"subscriptionId": subscription["subscriptionId"]}) == NO_SUBSCRIPTION


def test_a_connection_has_at_most_256_subscriptions(shared, client, tenant):
    for n in range(256):
        client.result("investigation.subscribe", {"incidentId": f"inc_{n}"})
    assert client.error("investigation.subscribe", {"incidentId": "inc_256"}) == INVALID_PARAMS
    assert client.error("remediation.subscribe", {"incidentId": "inc_256"}) == INVALID_PARAMS
    client.result("investigation.unsubscribe", {"incidentId": "inc_7"})
    client.result("remediation.subscribe", {"incidentId": "inc_256"})
    shared.intake.publish(event("investigation.progress", "inc_255", tenant, 1), event("remediation.executed", "inc_256", tenant, 2))
    assert pushes(client, 2) == [("investigation.progress", 1), ("remediation.executed", 2)]


def test_events_of_another_tenant_or_user_are_not_pushed(shared, client, tenant):
    client.result("investigation.subscribe", {"incidentId": "inc_1"})
    foreign = event("investigation.progress", "inc_1", f"{tenant}_other", 1)
    private = event("investigation.progress", "inc_1", tenant, 2) | {"user": "usr_2"}
    mine = event("investigation.progress", "inc_1", tenant, 3) | {"user": "usr_1"}
    shared.intake.publish(foreign, private, mine)
    assert pushes(client, 1) == [("investigation.progress", 3)]
    client.expect_silence()


# MARK: Resuming


def test_what_was_missed_comes_first_and_pushes_carry_ids(shared, client, tenant):
    events = [event(INVESTIGATION[n % 3], f"inc_{1 + n // 3 % 2}", tenant, n) for n in range(12)]
    ids = shared.intake.publish(*events)
    mine = [n for n in range(12) if n // 3 % 2 == 0]
    client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": ids[mine[0]]})
    live = shared.intake.publish(event("investigation.progress", "inc_1", tenant, 99))
    messages = [client.next() for _ in range(len(mine))]
    assert [message["params"]["n"] for message in messages] == [*mine[1:], 99]
    assert [message["params"]["id"] for message in messages] == [*(ids[n] for n in mine[1:]), *live]
    assert all(list(message["params"])[-2:] == ["timestamp", "id"] for message in messages)
    client.expect_silence()


def test_a_subscription_without_a_place_is_live_while_another_goes_back(shared, edge, tenant):
    """The connection reads old events for the first one. They are older than the second one, which asks for none."""
    each = 4000
    numbers = [(name, n) for n in range(each) for name in ("inc_old", "inc_live")]
    event = {"message": "m" * 2000, "agentName": "a"}
    with RelayClient(edge, mint(tenant)) as witness, RelayClient(edge, mint(tenant)) as client:
        witness.result("investigation.subscribe", {"incidentId": "inc_last"})
        shared.bus.publish_many(tenant, "investigation.progress", ({"incidentId": name, "n": n} | event for name, n in numbers))
        shared.bus.publish_many(tenant, "investigation.progress", [{"incidentId": "inc_last", "n": 0} | event])
        assert witness.next()["params"]["incidentId"] == "inc_last", "the relay has all of them"
        client.result("investigation.subscribe", {"incidentId": "inc_old", "lastEventId": ""})
        assert client.next()["params"]["n"] == 0
        # The other 8 MB wait in front of a socket that is full.
        client.ws.send_text(request("investigation.subscribe", {"incidentId": "inc_live"}, id="live"))
        numbers, answers = [0], []
        while numbers[-1] < each - 1:
            message = client.next()
            if "result" in message:
                answers.append((message["id"], len(numbers)))
            else:
                assert message["params"]["incidentId"] == "inc_old", f"an event from before the subscription: {message['params']['n']}"
                numbers.append(message["params"]["n"])
        assert numbers == list(range(each))
        [(id, place)] = answers
        assert id == "live" and place < each, "it was subscribed before the old events had ended"
        client.expect_silence()
        shared.bus.publish_many(tenant, "investigation.progress", [{"incidentId": "inc_live", "n": each} | event])
        assert client.next()["params"]["n"] == each


def test_a_gap_is_pushed(client):
    client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": "nonsense"})
    gap = client.next()
    assert (gap["method"], gap["params"]["reason"]) == ("stream.gap", "unknown_cursor")
    assert Cursor.parse(gap["params"]["id"])


@pytest.mark.parametrize(
    "place",
    [{"lastEventId": 7}, {"lastEventId": True}, {"lastEventId": []}, {"lastEventId": "", "last_event_id": ""}, {"lastEventID": "", "lastEventId": 1}],
)
def test_a_place_that_is_no_text_or_is_named_twice_is_a_gap(shared, client, tenant, place):
    """It is never refused (contract §3)."""
    shared.intake.publish(event("investigation.progress", "inc_1", tenant, 1))
    client.result("investigation.subscribe", {"incidentId": "inc_1"} | place)
    gap = client.next()
    assert (gap["method"], gap["params"]["reason"]) == ("stream.gap", "unknown_cursor")
    shared.intake.publish(event("investigation.progress", "inc_1", tenant, 2))
    # The gap is at the place that the relay has read to, which may be before the first event.
    while (number := client.next()["params"]["n"]) == 1:
        pass
    assert number == 2


def test_null_names_no_place(shared, client, tenant):
    client.result("investigation.subscribe", {"incidentId": "inc_2"})
    events = [("inc_1", 0), ("inc_1", 1), ("inc_2", 2)]
    ids = shared.intake.publish(*(event("investigation.progress", incident, tenant, n) for incident, n in events))
    assert client.next()["params"]["n"] == 2, "the relay has read all three"
    client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": None})
    shared.intake.publish(event("investigation.progress", "inc_1", tenant, 3))
    live = client.next()["params"]
    assert live["n"] == 3 and "id" not in live
    client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": None, "last_event_id": ids[0]})
    assert client.next()["params"]["n"] == 1


@pytest.mark.parametrize("name", ["lastEventId", "last_event_id", "lastEventID", "Last-Event-ID"])
def test_the_place_has_every_usual_name(shared, client, tenant, name):
    ids = shared.intake.publish(*(event("investigation.progress", "inc_1", tenant, n) for n in range(3)))
    client.result("investigation.subscribe", {"incidentId": "inc_1", name: ids[0]})
    assert [client.next()["params"]["n"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("by", ["header", "query"])
def test_the_place_of_the_handshake_is_that_of_subscriptions_that_name_none(shared, edge, tenant, by):
    ids = shared.intake.publish(*(event("investigation.progress", f"inc_{n % 2}", tenant, n) for n in range(6)))
    options = {"headers": {"Last-Event-ID": ids[1]}} if by == "header" else {"query": {"last_event_id": ids[1]}}
    with RelayClient(edge, mint(tenant), **options) as client:
        client.result("investigation.subscribe", {"incidentId": "inc_0"})
        messages = [client.next() for _ in range(2)]
        assert [(message["params"]["n"], message["params"]["id"]) for message in messages] == [(2, ids[2]), (4, ids[4])]
        client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": ids[3]})
        assert client.next()["params"]["n"] == 5
        client.expect_silence()


@pytest.mark.parametrize("cursor", ["", "header"])
def test_an_empty_place_of_the_handshake_is_the_oldest_event(shared, edge, tenant, cursor):
    shared.intake.publish(*(event("investigation.progress", "inc_1", tenant, n) for n in range(3)))
    options = {"headers": {"Last-Event-ID": ""}} if cursor == "header" else {"query": {"last_event_id": ""}}
    with RelayClient(edge, mint(tenant), **options) as client:
        client.result("investigation.subscribe", {"incidentId": "inc_1"})
        assert [client.next()["params"]["n"] for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("cursor", ["nonsense", "evt_" + "Z" * 26, "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "evt_0000000000ZZZZZZZZZZZZZZZZ", "5", "😀"])
def test_a_place_that_means_nothing_is_a_gap_and_costs_nobody_anything(shared, client, edge, tenant, cursor):
    client.result("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": cursor})
    assert client.next()["params"]["reason"] == "unknown_cursor"
    if cursor.isascii():
        with RelayClient(edge, mint(tenant), headers={"Last-Event-ID": cursor}) as other:
            other.result("investigation.subscribe", {"incidentId": "inc_1"})
            assert other.next()["params"]["reason"] == "unknown_cursor"
    shared.intake.publish(event("investigation.progress", "inc_1", tenant, 1))
    assert client.next()["params"]["n"] == 1


# MARK: ping


def test_ping(client):
    assert client.result("ping", {}) == {"pong": True}
    assert client.result("ping") == {"pong": True}
    client.ws.send_text(request("ping"))
    answer = client.next()
    assert answer["method"] == "pong" and "id" not in answer


# MARK: JSON-RPC 2.0


@pytest.mark.parametrize(
    "id", ["1", "0", "-7", "1.5", "12345678901234567890123", '"req_001"', '""', r'"\u00e9\n"', '"größe 😀"', "null"],
)  # fmt: skip
def test_the_id_comes_back_as_it_was(client, id):
    for method, member in (("ping", "result"), ("no.such.method", "error")):
        client.ws.send_text('{"jsonrpc":"2.0","method":"%s","id":%s}' % (method, id))
        text = client.ws.next_text()
        answer = json.loads(text, parse_int=str, parse_float=str)
        assert answer["id"] == json.loads(id, parse_int=str, parse_float=str), text
        assert set(answer) == {"jsonrpc", "id", member}


def with_id(text):
    return '{"jsonrpc":"2.0","method":"ping","id":%s}' % text


WRONG = {
    "not JSON": ("{", PARSE_ERROR),
    "nothing": ("", PARSE_ERROR),
    "half a request": ('{"jsonrpc":"2.0","method":"foobar, "params":"bar","baz]', PARSE_ERROR),
    "two documents": ("{} {}", PARSE_ERROR),
    "a number that is none": (with_id("01"), PARSE_ERROR),
    "half a batch": (f'[{with_id(1)},{{"jsonrpc":"2.0","method"]', PARSE_ERROR),
    "deep nesting": ("[" * 10_000 + "]" * 10_000, None),
    "a text": ('"ping"', INVALID_REQUEST),
    "a number": ("1", INVALID_REQUEST),
    "null": ("null", INVALID_REQUEST),
    "true": ("true", INVALID_REQUEST),
    "an empty object": ("{}", INVALID_REQUEST),
    "an empty batch": ("[]", INVALID_REQUEST),
    "no jsonrpc": ('{"method":"ping","id":1}', INVALID_REQUEST),
    "jsonrpc 1.0": ('{"jsonrpc":"1.0","method":"ping","id":1}', INVALID_REQUEST),
    "jsonrpc as a number": ('{"jsonrpc":2.0,"method":"ping","id":1}', INVALID_REQUEST),
    "no method": ('{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
    "a method that is a number": ('{"jsonrpc":"2.0","method":1,"params":"bar"}', INVALID_REQUEST),
    "an id that is an object": (with_id("{}"), INVALID_REQUEST),
    "an id that is a boolean": (with_id("true"), INVALID_REQUEST),
    "a member twice": ('{"jsonrpc":"2.0","method":"ping","id":1,"x":1,"x":2}', INVALID_REQUEST),
    "a member twice in params": ('{"jsonrpc":"2.0","method":"ping","id":1,"params":{"a":{"b":1,"\\u0062":2}}}', INVALID_REQUEST),
    "a byte order mark": ("\ufeff" + with_id(1), PARSE_ERROR),
    "half a surrogate pair": (with_id('"\\ud800"'), PARSE_ERROR),
    "1,000 levels": ('{"jsonrpc":"2.0","method":"ping","id":1,"params":' + "[" * 1000 + "]" * 1000 + "}", PARSE_ERROR),
    "params that are a text": ('{"jsonrpc":"2.0","method":"ping","params":"bar","id":1}', None),
}


@pytest.mark.parametrize(("text", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_request_gets_its_error(client, text, code):
    client.ws.send_text(text)
    answer = client.next()
    assert set(answer) == {"jsonrpc", "id", "error"}, answer
    assert answer["error"]["code"] in ((code,) if code else (PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS))
    assert isinstance(answer["error"]["message"], str)
    if code == PARSE_ERROR or '"id":{}' in text or '"id":true' in text:
        assert answer["id"] is None
    client.expect_silence()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        *((f"{kind}.subscribe", params) for kind in ("investigation", "remediation") for params in (
            None, {}, [], ["inc_1"], {"incidentId": 1}, {"incidentId": ""}, {"incidentId": None}, {"incidentId": ["inc_1"]},
            {"incidentId": "x" * 257}, {"incidentId": "a\0"}, {"incidentId": "a\u0085"}, {"incidentId": "a\x7f"},
        )),
        *((f"{kind}.unsubscribe", params) for kind in ("investigation", "remediation") for params in (
            None, {}, {"subscriptionId": 1}, {"incidentId": 1}, [],
        )),
    ],
)  # fmt: skip
def test_wrong_params_are_told(client, method, params):
    assert client.error(method, params) == INVALID_PARAMS
    client.expect_silence()


def test_the_member_that_is_wrong_is_named(client):
    for incident in ("a\nb", "", "x" * 257):
        assert "incidentId" in client.call("investigation.subscribe", {"incidentId": incident})["error"]["message"]


@pytest.mark.parametrize("incident", ["x", "é" * 128, "x" * 256, "..", "*", ">", "a.b c", "😀"])
def test_identifiers_that_keep_the_rules_are_taken_and_compared_byte_for_byte(shared, client, tenant, incident):
    assert client.result("investigation.subscribe", {"incidentId": incident})["incidentId"] == incident
    others = [event("investigation.progress", other, tenant, 1) for other in ("e\u0301" * 64, "X", "...", "other")]
    shared.intake.publish(*others, event("investigation.progress", incident, tenant, 2))
    assert pushes(client, 1) == [("investigation.progress", 2)]


@pytest.mark.parametrize("method", ["ping", "investigation.subscribe", "no.such.method"])
def test_params_that_are_null_are_none(client, method):
    answers = []
    for params in ("", ',"params":null'):
        client.ws.send_text('{"jsonrpc":"2.0","method":"%s","id":1%s}' % (method, params))
        answers.append(client.next())
    assert answers[0] == answers[1]


RESPONSES = [
    '{"jsonrpc":"2.0","id":1,"result":{}}', '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}',
    '{"jsonrpc":"2.0","id":1,"result":null}', '{"id":{},"error":1,"result":2}', '{"result":1,"method":null}',
    '[{"jsonrpc":"2.0","id":1,"result":1},{"jsonrpc":"2.0","id":2,"error":{}}]',
    '[{"jsonrpc":"2.0","id":1,"result":1},{"jsonrpc":"2.0","method":"no.such.method"}]',
]  # fmt: skip


@pytest.mark.parametrize("text", RESPONSES)
def test_responses_are_dropped_without_an_answer(client, text):
    for _ in range(3):
        client.ws.send_text(text)
    client.expect_silence()


def test_two_peers_that_answer_each_other_fall_silent(edge, tenant):
    """All messages of one relay are sent to another one, and back."""
    with RelayClient(edge, mint(tenant)) as one, RelayClient(edge, mint(tenant)) as other:
        for text in ("nonsense", "[1,{}]", request("no.such.method", id=1), request("ping", id=2)):
            one.ws.send_text(text)
            other.ws.send_text(one.ws.next_text())
        other.expect_silence()
        one.expect_silence()


@pytest.mark.parametrize("method", ["no.such.method", "Ping", "ping ", "", "connected", "pong", "rpc.on", "a b", "*", ">", "x" * 500])
def test_methods_that_nobody_answers_for_are_not_found(client, method):
    assert client.error(method, {}) == NOT_FOUND


def test_notifications_get_no_answer_not_even_an_error(shared, client, tenant):
    for text in (
        request("no.such.method"), request("investigation.subscribe", {}), request("investigation.unsubscribe", {"subscriptionId": "x"}),
        request("investigation.subscribe", {"incidentId": "inc_1"}), json.dumps([json.loads(request("no.such.method"))] * 3),
    ):  # fmt: skip
        client.ws.send_text(text)
    client.expect_silence()


def normalized(message):
    """Removes error texts from a message, which are not specified."""
    if isinstance(message, list):
        return sorted((normalized(part) for part in message), key=lambda part: json.dumps(part, sort_keys=True))
    if "error" in message:
        return message | {"error": {"code": message["error"]["code"]}}
    return message


def error(code, id=None):
    return {"jsonrpc": "2.0", "error": {"code": code}, "id": id}


PONG = {"pong": True}
#: Those of the specification's examples (§7) that need no method of their own; `ping` stands for `subtract` and the like.
BATCHES = [
    ("[1]", [error(INVALID_REQUEST)]),
    ("[1,2,3]", [error(INVALID_REQUEST)] * 3),
    ('[{"jsonrpc":"2.0","method":"ping","id":"1"}]', [{"jsonrpc": "2.0", "result": PONG, "id": "1"}]),
    (
        '[{"jsonrpc":"2.0","method":"ping","params":{},"id":"1"},{"jsonrpc":"2.0","method":"notify_hello","params":[7]},'
        '{"jsonrpc":"2.0","method":"ping","id":"2"},{"foo":"boo"},'
        '{"jsonrpc":"2.0","method":"foo.get","params":{"name":"myself"},"id":"5"},{"jsonrpc":"2.0","method":"ping","id":9}]',
        [
            {"jsonrpc": "2.0", "result": PONG, "id": "1"},
            {"jsonrpc": "2.0", "result": PONG, "id": "2"},
            error(INVALID_REQUEST),
            error(NOT_FOUND, "5"),
            {"jsonrpc": "2.0", "result": PONG, "id": 9},
        ],
    ),
    ('[[{"jsonrpc":"2.0","method":"ping","id":1}]]', [error(INVALID_REQUEST)]),
]


@pytest.mark.parametrize(("batch", "want"), BATCHES)
def test_batches_are_answered_as_the_specification_says(client, batch, want):
    client.ws.send_text(batch)
    assert normalized(client.next()) == normalized(want)
    client.expect_silence()


def test_a_batch_may_subscribe_and_unsubscribe(shared, client, tenant):
    batch = [{"jsonrpc": "2.0", "method": "investigation.subscribe", "params": {"incidentId": f"inc_{n}"}, "id": n} for n in range(3)] + [
        {"jsonrpc": "2.0", "method": "investigation.unsubscribe", "params": {"incidentId": "inc_1"}, "id": "off"}
    ]
    client.ws.send_text(json.dumps(batch))
    answers = {answer["id"]: answer["result"] for answer in client.next()}
    assert answers[0]["incidentId"] == "inc_0" and answers["off"] == answers[1] | {"unsubscribed": True}
    shared.intake.publish(*(event("investigation.progress", f"inc_{n}", tenant, n) for n in range(3)))
    assert pushes(client, 2) == [("investigation.progress", 0), ("investigation.progress", 2)]


# MARK: The end


def test_an_expired_token_ends_the_connection(edge, tenant):
    expiry = int(time.time()) + 3
    with RelayClient(edge, mint(tenant, exp=expiry)) as client:
        answer = client.next()
        assert normalized(answer) == error(EXPIRED)
        client.ws.expect_close(1008)
        assert expiry <= time.time() < expiry + 10


def test_a_silent_client_is_closed_and_one_that_pings_is_not(stack):
    """After 60 s, unless configured; protocol pings do not count as silence either."""
    edge = stack.edge(PROGRAM, silence_timeout="2s")
    with RelayClient(edge, mint()) as silent, RelayClient(edge, mint()) as talking:
        begin, deadline = time.monotonic(), time.monotonic() + 15
        while time.monotonic() < deadline:
            assert talking.result("ping", {}) == {"pong": True}
            try:
                message = silent.ws.next(timeout=0.5)
            except TimeoutError:
                continue
            assert message is None or message.code == 1008
            if message is None:
                break
        assert silent.ws.closed_with is not None and silent.ws.closed_with.code == 1008, "the silent client is still connected"
        assert time.monotonic() - begin > 1.5
        talking.expect_silence()


@pytest.mark.parametrize(
    ("sent", "code"),
    [(frame(BINARY, b"{}"), 1003), (frame(TEXT, b" " * (LIMIT + 1)), 1009)],
    ids=["binary", "too long"],
)
def test_what_the_relay_does_not_take(client, sent, code):
    client.ws.send_bytes(sent)
    assert client.ws.expect_close(code)


def test_a_message_of_exactly_64_kib_is_taken(client):
    text = request("ping", {"padding": ""}, id=1)
    client.ws.send_text(text.replace('""', '"%s"' % ("x" * (LIMIT - len(text)))))
    assert client.next()["result"] == {"pong": True}


def test_a_drain_says_1001(stack):
    edge = stack.edge(PROGRAM, drain_window="2s")
    with RelayClient(edge, mint()) as client:
        edge.terminate()
        assert client.ws.expect_close(1001, timeout=10)
    assert edge.wait(timeout=15) == 0


# MARK: Status


def status(edge, token=None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.get(edge.url + STATUS, headers=headers, timeout=10)


def active(edge):
    return status(edge, mint()).json()["activeConnections"]


def test_the_status_is_told_to_members_and_admins(edge):
    for role in ("member", "admin"):
        answer = status(edge, mint(roles=(role,)))
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"status", "activeConnections", "region", "version", "checkedAt"}
        assert body["status"] == "healthy" and isinstance(body["activeConnections"], int)
        assert abs(datetime.fromisoformat(body["checkedAt"].replace("Z", "+00:00")).timestamp() - time.time()) < 10
    assert status(edge).status_code == 401
    assert status(edge, mint(roles=("producer",))).status_code == 403


def test_the_count_is_of_all_relays_and_forgets_the_dead(stack):
    one, two = stack.edges(2, PROGRAM)
    clients = [RelayClient(relay, mint()) for relay in (one, one, one, two, two)]
    for relay in (one, two):
        eventually(lambda: active(relay) == 5, "both relays' connections are counted", timeout=10)
    clients.pop(0).close()
    eventually(lambda: active(two) == 4, "a client that left is counted no more", timeout=10)
    one.kill()
    eventually(lambda: active(two) == 2, "a relay that died is forgotten", timeout=16)
    for client in clients:
        client.close()
    eventually(lambda: active(two) == 0, "nobody is left", timeout=10)


def test_without_the_bus_the_relay_is_unavailable(stack):
    edge = stack.edge(PROGRAM)
    stack.nats.kill()
    eventually(lambda: edge.readiness() == 503, "the relay is not ready without its bus")
    answer = status(edge, mint())
    assert answer.status_code == 503
    assert answer.json()["error"] == "service_unavailable" and "retry-after" in answer.headers
    stack.nats.start()
    eventually(lambda: status(edge, mint()).status_code == 200, "it is back with the bus", timeout=30)


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


def test_the_reference_example_prints_what_it_should_and_through_a_deploy(stack, page, browser):
    """The example does not reconnect; opening the page again does."""
    edge = stack.edge(PROGRAM, cors_origins=page.origin, drain_window="2s")
    address = f"{edge.url.replace('http', 'ws')}{PATH}?token={mint()}"
    events = [
        event("investigation.progress", INCIDENT, "acme", message="Found 10,000 errors", agentName="log analysis"),
        event("investigation.completed", INCIDENT, "acme", rootCause="a pool of 50"),
    ]
    lines = ["[log analysis] Found 10,000 errors", "Investigation complete — root cause: a pool of 50"]
    for _ in range(2):
        browser.open(page.put_script(relay_example(address)))

        def prints():
            # The example's subscription cannot be observed from outside.
            stack.intake.publish(*events)
            return browser.printed()[-2:] == lines

        eventually(prints, "the example prints the events", interval=0.5)
        edge.terminate()
        assert edge.wait(timeout=15) == 0
        assert set(browser.printed()) == set(lines), "the example prints something on a deploy"
        edge.start()
        edge.wait_ready()


def test_the_reference_example_says_that_the_connection_was_closed(shared, page, browser):
    edge = shared.edge(PROGRAM, cors_origins=page.origin)
    address = f"{edge.url.replace('http', 'ws')}{PATH}?token={mint(exp=int(time.time()) + 3)}"
    browser.open(page.put_script(relay_example(address)))
    last = "Connection closed by server (policy violation) — check heartbeat"
    eventually(lambda: browser.printed() == [last], "the example tells of 1008 when its token expires")


# MARK: Origins


@pytest.mark.parametrize(("origin", "code"), [("http://127.0.0.1:{port}", 101), ("https://console.example", 403), ("null", 403)])
def test_by_default_only_pages_of_the_same_host_may_connect(edge, tenant, origin, code):
    with WebSocketConnection(edge.url + PATH, token=mint(tenant), headers={"Origin": origin.format(port=edge.http_port)}) as client:
        assert client.status == code
        if code == 101:
            assert isinstance(client.next(), Text)
