"""The two ways into the intake (`quick.door`): the event loop answers plain requests itself, the router answers all others. Both answer alike."""

import json
import re
import socket

import pytest

from causeway_kit.doorways import DOORS
from causeway_kit.raw_http import exchange, request
from causeway_kit.tokens import mint, producer_token

EVENTS = "/v1/events"
QUICK = "causeway_intake_quick_requests_total"
#: What differs between two answers to one request: places in the log, generated ids, the time.
VARYING = re.compile(rb"(evt_|req_)[0-9A-Z]{26}")
PRODUCER, ADMIN, MEMBER = producer_token(), mint(roles=("admin",)), mint(roles=("member",))


@pytest.fixture(scope="module")
def doors(shared):
    """The intake with each door. Both know the tokens: the quick one takes those that the router has accepted before."""
    quick, router = (shared.shared_edge_of("event-producer", "serve", quick_door=door) for door in DOORS)
    for service in (quick, router):
        for token in (PRODUCER, ADMIN, MEMBER):
            exchange(service.http_port, post(event(), token=token))
    return quick, router


def event(**members):
    return json.dumps({"type": "a.b", "payload": {"n": 1}} | members).encode()


def post(body, path=EVENTS, *, token=None, method="POST", length=True, **fields):
    """A request. Fields are given with `_` for `-`; None leaves one out."""
    names = {"authorization": f"Bearer {token or PRODUCER}", "content_type": "application/json"}
    if length:
        names["content_length"] = str(len(body))
    names |= fields
    return request(method, path, {name.replace("_", "-").title(): value for name, value in names.items() if value is not None}, body)


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

#: Requests, and whether the quick door answers them.
CASES = {
    "an event": (post(event()), True),
    "an event of an admin": (post(event(), token=ADMIN), True),
    "an event with all members": (post(event(tenant="other", user="ann", id="one", time="2024-04-01T14:32:10Z")), True),
    "the same id again": (post(event(tenant="other", user="ann", id="one", time="2024-04-01T14:32:10Z")), True),
    "the same id with another content": (post(event(tenant="other", id="one")), True),
    "white space around": (post(b" \n" + event() + b"\n"), False),
    "ids of the client": (post(event(), x_request_id="mine-1", traceparent=TRACE, tracestate="a=b"), True),
    "an invalid id of the client": (post(event(), x_request_id="not this one"), True),
    "fields of a proxy": (post(event(), x_forwarded_for="192.0.2.1", x_forwarded_proto="https", via="1.1 p", user_agent="t"), True),
    "keep-alive": (post(event(), connection="keep-alive"), True),
    "a charset": (post(event(), content_type="Application/JSON; charset=utf-8"), True),
    "close": (post(event(), connection="close"), False),
    "a page of another origin": (post(event(), origin="https://evil.example"), False),
    "an own page": (post(event(), origin="http://127.0.0.1"), False),
    "chunks": (post(chunked(event()), length=False, transfer_encoding="chunked"), False),
    "an idempotency key": (post(event(), idempotency_key="a key"), False),
    "an unknown field": (post(event(), x_something="1"), False),
    "an array": (post(b"[" + event() + b"]"), False),
    "a CloudEvent": (
        post(b'{"specversion":"1.0","id":"c","source":"/s","type":"a.b","data":{}}', content_type="application/cloudevents+json"),
        False,
    ),
    "attributes in fields": (post(b"{}", ce_specversion="1.0", ce_id="b", ce_source="/s", ce_type="a.b"), False),
    "an approval request": (
        post(event(type="approval.requested", payload={"approvalId": "d-1", "incidentId": "i", "title": "t", "requestedBy": "svc"})),
        False,
    ),
    "a large payload": (post(event(payload={"x": "x" * 40_000})), False),
    "an unknown member": (post(event(usr="ann")), False),
    "no payload": (post(b'{"type":"a.b"}'), False),
    "no JSON": (post(b"{"), False),
    "nothing": (post(b""), False),
    "no UTF-8": (post(b'{"type":"a.b","payload":{"x":"\xff"}}'), False),
    "a type of approvals": (post(event(type="approval.resolved", payload={"approvalId": "a"}), token=ADMIN), False),
    "a foreign tenant": (post(event(tenant="other"), token=ADMIN), False),
    "no role": (post(event(), token=MEMBER), False),
    "no token": (post(event(), authorization=None), False),
    "another secret": (post(event(), token=mint(roles=("producer",), secret="another secret that is long enough")), False),
    "an expired token": (post(event(), token=mint(roles=("producer",), lifetime=-60)), False),
    "no Bearer": (post(event(), authorization="Basic YTpi"), False),
    "two tokens": (post(event()).replace(b"\r\nContent-Type", b"\r\nAuthorization: Bearer a\r\nContent-Type"), False),
    "a token in the query": (post(event(), EVENTS + "?token=" + PRODUCER, authorization=None), False),
    "a query": (post(event(), EVENTS + "?a=b"), False),
    "another path": (post(event(), EVENTS + "/"), False),
    "another method": (post(event(), method="PUT"), False),
    "text": (post(event(), content_type="text/plain"), False),
    "no type": (post(event(), content_type=None), False),
    "a coding": (post(event(), content_encoding="gzip"), False),
    "HTTP/1.0": (post(event()).replace(b"HTTP/1.1", b"HTTP/1.0"), None),
    "no host": (post(event()).replace(b"Host: 127.0.0.1\r\n", b""), False),
    "two hosts": (post(event()).replace(b"Host: 127.0.0.1\r\n", b"Host: a\r\nHost: b\r\n"), False),
    "no HTTP": (b"hello\r\n\r\n", False),
}


def count(service):
    return service.metrics().get(QUICK, 0)


def essence(answer):
    """An answer without what varies, fields in the order of their names."""
    fields = sorted((name, VARYING.sub(b"*", value.encode())) for name, value in answer.fields if name != "date")
    return answer.status, fields, VARYING.sub(b"*", answer.body), any(name == "date" for name, _ in answer.fields), answer.is_closed


@pytest.mark.parametrize("name", CASES)
def test_both_doors_answer_alike(doors, name):
    sent, is_quick = CASES[name]
    quick, router = doors
    before = count(quick)
    first, second = (exchange(service.http_port, sent) for service in doors)
    assert essence(first) == essence(second)
    if is_quick is not None:
        assert count(quick) - before == is_quick
    assert count(router) == 0


def answers(connection, number):
    """The next answers on a connection: their statuses and bodies."""
    received, found = b"", []
    while len(found) < number:
        head, separator, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if separator and length and len(rest) >= int(length[1]):
            size = int(length[1])
            found.append((int(head.split()[1]), VARYING.sub(b"*", rest[:size])))
            received = rest[size:]
            continue
        data = connection.recv(65536)
        if not data:
            break
        received += data
    return found


def test_pipelined_requests_are_answered_in_their_order(doors):
    sent = [post(event()), post(event()), post(b"{"), post(event()), post(event(), method="PUT"), post(event(), connection="close")]
    both = []
    for service in doors:
        with socket.create_connection(("127.0.0.1", service.http_port), timeout=10) as connection:
            connection.sendall(b"".join(sent))
            both.append(answers(connection, len(sent)))
            assert connection.recv(1) == b"", "closed behind the last one"
    assert both[0] == both[1]
    assert [status for status, _ in both[0]] == [202, 202, 400, 202, 405, 202]


def test_a_request_may_arrive_in_pieces(doors):
    sent = post(event())
    for service in doors:
        with socket.create_connection(("127.0.0.1", service.http_port), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in sent:
                connection.sendall(bytes([byte]))
            assert [status for status, _ in answers(connection, 1)] == [202]
            # Keep-alive: the connection takes further requests after either door's response.
            connection.sendall(sent + sent)
            assert [status for status, _ in answers(connection, 2)] == [202, 202]


def test_the_end_of_the_input_does_not_take_the_answer_away(doors):
    for service in doors:
        with socket.create_connection(("127.0.0.1", service.http_port), timeout=10) as connection:
            connection.sendall(post(event()))
            connection.shutdown(socket.SHUT_WR)
            assert [status for status, _ in answers(connection, 1)] == [202]
            assert connection.recv(1) == b""


def test_what_is_no_request_behind_one_is_refused_behind_its_answer(doors):
    for service in doors:
        with socket.create_connection(("127.0.0.1", service.http_port), timeout=10) as connection:
            connection.sendall(post(event()) + b"hello\r\n\r\n")
            assert [status for status, _ in answers(connection, 2)] == [202, 400]


def test_a_quick_event_is_stored_like_another(doors, shared, tenant):
    sent = post(event(tenant=tenant, user="ann"), traceparent=TRACE)
    cursors = [exchange(service.http_port, sent).json()["ids"] for service in doors]
    first, second = (stored for stored in shared.bus.events() if stored.tenant == tenant)
    assert (first.body, first.user, first.type) == (second.body, second.user, second.type)
    headers = [shared.bus.headers(stored.sequence) for stored in (first, second)]
    assert set(headers[0]) == set(headers[1])
    assert headers[0]["traceparent"] == headers[1]["traceparent"] == TRACE
    assert cursors[0] != cursors[1]
