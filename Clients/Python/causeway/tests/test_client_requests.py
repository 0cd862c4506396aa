"""Requests: repeated when the server asks for it, with tokens that are renewed, and errors that say what to do."""

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime

import httpx
import pytest
from client_bench import Bench, accepted, problem, run

from causeway import (
    Backoff,
    Causeway,
    Conflict,
    FileCursor,
    InvalidRequest,
    NewEvent,
    RateLimited,
    Refused,
    ServerFailed,
    TokenFailed,
    Unauthorized,
    Undelivered,
    UnexpectedAnswer,
    Unreachable,
)
from causeway.errors import retry_after_of

EVENT = NewEvent(type="incident.created", payload={"incidentId": "inc_1"}, id="one")


def jwt(expires_at, name="a"):
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires_at, "jti": name}).encode()).rstrip(b"=").decode()
    return f"e30.{claims}.c2ln"


# MARK: Repetition


@run
async def test_a_request_is_repeated_no_earlier_than_the_server_says():
    answers = [problem(429, "rate_limited", retry_after="7"), httpx.ConnectError("no"), problem(503, "service_unavailable"), accepted("evt_1")]
    async with Bench(answers) as bench:
        assert await bench.client.publish(EVENT) == "evt_1"
        assert bench.clock.pauses == [7, 1, 2]
        assert bench.bodies == 4 * [[{"type": "incident.created", "id": "one", "payload": {"incidentId": "inc_1"}}]]


@run
async def test_a_request_that_can_never_succeed_is_not_repeated():
    for status, code, kind in ((400, "validation_error", InvalidRequest), (409, "conflict", Conflict), (500, "internal", ServerFailed)):
        async with Bench([problem(status, code, x_request_id="req_1")]) as bench:
            with pytest.raises(kind) as raised:
                await bench.client.publish(EVENT)
            assert (raised.value.code, raised.value.status, raised.value.request_id, raised.value.can_repeat) == (code, status, "req_1", False)
            assert str(raised.value) == f"{status} {code}: what to do [request req_1]"


@run
async def test_patience_has_an_end():
    async with Bench([problem(429, "rate_limited", retry_after="61")]) as bench:
        with pytest.raises(RateLimited):
            await bench.client.publish(EVENT)
        assert bench.clock.pauses == []
    async with Bench(20 * [httpx.ReadTimeout("no")], patience=20) as bench:
        with pytest.raises(Unreachable, match="POST /v1/events got no answer"):
            await bench.client.publish(EVENT)
        assert bench.clock.pauses == [0.5, 1, 2, 4, 8]


@run
async def test_answers_that_are_not_causeways_say_so():
    for answer, kind, told in (
        (httpx.Response(404, text="<html>"), Refused, "404 http_404: this answer is not Causeway's"),
        (httpx.Response(308, headers={"location": "https://elsewhere"}), Refused, "redirects elsewhere"),
        (httpx.Response(200, text="<html>"), UnexpectedAnswer, "not JSON"),
    ):
        async with Bench([answer]) as bench:
            with pytest.raises(kind, match=told):
                await bench.client.publish(EVENT)


def test_retry_after_is_seconds_or_a_date():
    now = datetime(2024, 4, 1, 14, 32, 10, tzinfo=UTC)
    told = {"3": 3, "Mon, 01 Apr 2024 14:32:20 GMT": 10, "Mon, 01 Apr 2024 14:32:00 GMT": 0, None: None, "soon": None, "-1": None, "\u0663": None}
    assert {value: retry_after_of(value, now) for value in told} == told


def test_pauses_grow_to_a_limit_and_are_shortened_at_random():
    backoff = Backoff(first=0.5, factor=2, max=30, jitter=0.5)
    assert [backoff.pause(failures, 0) for failures in (1, 2, 3, 7, 100_000)] == [0.5, 1, 2, 30, 30]
    assert backoff.pause(1, 1) == 0.25


@pytest.mark.parametrize("url", ["causeway.test", "ftp://causeway.test", "http://", "http://user:secret@causeway.test", "http://causeway.test/?a=b"])
def test_a_url_that_cannot_be_one_is_refused(url):
    with pytest.raises(ValueError, match="the URL of a deployment"):
        Causeway(url, "token")


@run
async def test_a_key_that_no_header_can_carry_is_refused():
    async with Bench([]) as bench:
        for key in ("", "a\nb", "\u00e9", "x" * 257):
            with pytest.raises(ValueError, match="a key has"):
                await bench.client.approvals.consume("a", key=key)


# MARK: Publishing


@run
async def test_many_events_are_sent_in_several_requests_in_their_order():
    def answer(request):
        return accepted(*(f"evt_{event['id']}" for event in json.loads(request.content)))

    events = [NewEvent(type="a.b", payload={"n": n}, id=str(n)) for n in range(2_500)]
    async with Bench(3 * [answer]) as bench:
        assert await bench.client.publish_all(events) == [f"evt_{n}" for n in range(2_500)]
        assert [len(body) for body in bench.bodies] == [1_000, 1_000, 500]
    async with Bench([answer, problem(400, "validation_error")]) as bench:
        with pytest.raises(InvalidRequest) as raised:
            await bench.client.publish_all(events)
        assert raised.value.__notes__ == ["in the request with the events 1000 to 1999 of 2500"]
    large = [NewEvent(type="a.b", payload={"text": "x" * 250_000}) for _ in range(20)]
    async with Bench(2 * [answer]) as bench:
        await bench.client.publish_all(large)
        assert [len(body) for body in bench.bodies] == [16, 4]


def test_every_event_has_an_id():
    assert NewEvent(type="a.b").id != NewEvent(type="a.b").id
    with pytest.raises(ValueError, match="offset"):
        NewEvent(type="a.b", time=datetime(2024, 1, 1)).body()


@run
async def test_what_json_cannot_hold_is_refused_before_anything_is_sent():
    async with Bench([]) as bench:
        for payload in ({"n": float("nan")}, {"at": datetime.now(UTC)}, {"half": "\ud800"}):
            with pytest.raises((ValueError, TypeError)):
                await bench.client.publish_all([EVENT, NewEvent(type="a.b", payload=payload)])


@run
async def test_a_publisher_sends_what_it_took_and_reports_what_is_refused():
    def answer(request):
        ids = [event["id"] for event in json.loads(request.content)]
        return problem(400, "validation_error") if "bad" in ids else accepted(*ids)

    refused, stored = [], []

    def kept(request):
        response = answer(request)
        if response.status_code == 202:
            stored.extend(event["id"] for event in json.loads(request.content))
        return response

    names = [str(n) for n in range(9)] + ["bad"] + [str(n) for n in range(9, 20)]
    async with Bench([httpx.ConnectError("no"), problem(503, "service_unavailable"), *(20 * [kept])]) as bench:
        async with bench.client.publisher(on_refused=lambda event, error: refused.append((event.id, error.code))) as publisher:
            for name in names:
                await publisher.put(NewEvent(type="a.b", id=name))
            await publisher.flush()
            assert publisher.undelivered == []
        assert refused == [("bad", "validation_error")]
        assert stored == [str(n) for n in range(20)]
        with pytest.raises(RuntimeError, match="not running"):
            await publisher.put(EVENT)


@run
async def test_a_publisher_raises_what_nobody_else_was_told():
    async with Bench([problem(403, "forbidden")]) as bench:
        with pytest.raises(ExceptionGroup) as raised:
            async with bench.client.publisher() as publisher:
                await publisher.put(EVENT)
        [failure] = raised.value.exceptions
        assert failure.code == "forbidden" and failure.__notes__ == ["1 events from one on, of the type incident.created"]


@run
async def test_a_publisher_that_is_given_up_names_what_is_left():
    async def forever(_):
        await asyncio.Event().wait()

    async with Bench([]) as bench:
        bench.client._transport.http = httpx.AsyncClient(transport=httpx.MockTransport(forever))
        with pytest.raises(Undelivered) as raised:
            async with bench.client.publisher(drain=0.05) as publisher:
                await publisher.put(EVENT)
        assert raised.value.events == [EVENT]


# MARK: Tokens


@run
async def test_a_token_is_renewed_before_it_expires_and_after_it_was_refused():
    asked = []
    async with Bench([accepted("1"), accepted("2"), accepted("3"), problem(401, "unauthorized"), accepted("4")]) as bench:
        clock = bench.clock

        async def token():
            asked.append(clock.time)
            return jwt(clock.time + 100, str(len(asked)))

        bench.client._transport.tokens.__init__(token, clock)
        for _ in range(2):
            await bench.client.publish(EVENT)
        assert len(asked) == 1
        clock.time += 75
        await bench.client.publish(EVENT)
        assert len(asked) == 2
        await bench.client.publish(EVENT)
        assert len(asked) == 3
        sent = [request.headers["authorization"] for request in bench.requests]
        assert sent[0] == sent[1] != sent[2] == sent[3] != sent[4]


@run
async def test_tokens_that_are_all_refused_end_the_call():
    calls = iter("abcdef")
    async with Bench(3 * [problem(401, "unauthorized")], token=lambda: next(calls)) as bench:
        with pytest.raises(Unauthorized):
            await bench.client.publish(EVENT)
    async with Bench([problem(401, "unauthorized")], token="fixed") as bench:
        with pytest.raises(Unauthorized):
            await bench.client.publish(EVENT)


@run
async def test_a_function_that_fails_is_called_again_and_a_valid_token_serves_meanwhile():
    answers = iter([OSError("no"), jwt(1_700_000_100), OSError("no")])

    def token():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with Bench(2 * [accepted("1")], token=token) as bench:
        await bench.client.publish(EVENT)
        assert bench.clock.pauses == [0.5]
        bench.clock.time = 1_700_000_080
        await bench.client.publish(EVENT)


@run
async def test_a_function_that_fails_is_not_called_by_every_request():
    calls = 0

    def token():
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError("no")
        return jwt(1_700_000_100)

    async with Bench(12 * [accepted("1")], token=token) as bench:
        await bench.client.publish(EVENT)
        bench.clock.time = 1_700_000_080
        await asyncio.gather(*(bench.client.publish(EVENT) for _ in range(10)))
        assert calls == 2
        bench.clock.time += 0.5
        await bench.client.publish(EVENT)
        assert calls == 3


@run
async def test_a_token_that_no_header_can_carry_is_in_no_error(caplog):
    caplog.set_level(logging.DEBUG)
    for token in ("secret\n", "Bearer secret", "", "s\u00e9cret"):
        with pytest.raises(TokenFailed) as raised:
            Causeway("http://causeway.test", token)
        assert "cret" not in str(raised.value)
        async with Bench([], token=lambda token=token: token, patience=0) as bench:
            with pytest.raises(TokenFailed) as raised:
                await bench.client.publish(EVENT)
            assert "cret" not in str(raised.value)
    async with Bench([httpx.ConnectError("no"), problem(401, "unauthorized")], token="a-secret") as bench:
        with pytest.raises(Unauthorized) as raised:
            await bench.client.publish(EVENT)
        assert "a-secret" not in f"{raised.value!r} {vars(raised.value)} {bench.client!r}"
    assert "cret" not in caplog.text


# MARK: The cursor's file


@run
async def test_the_file_of_a_cursor_is_replaced_as_a_whole(tmp_path):
    store = FileCursor(tmp_path / "cursor")
    assert await store.load() is None
    for cursor in ("evt_1", "evt_2"):
        await store.save(cursor)
        assert await FileCursor(tmp_path / "cursor").load() == cursor
    assert [file.name for file in tmp_path.iterdir()] == ["cursor"]
    with pytest.raises(OSError):
        await FileCursor(tmp_path / "missing" / "cursor").save("evt_1")
