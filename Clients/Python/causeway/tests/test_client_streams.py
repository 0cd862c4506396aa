"""Streams: what reconnects, with which cursor and after which pause; what ends them; and what a store keeps."""

import asyncio
import json

import httpx
import pytest
from client_bench import Bench, Pieces, begun, event, problem, run, said, stream

from causeway import Denied, Event, ExecutionEvent, FileCursor, Forbidden, Gap, State, StillPending, Unauthorized, UnexpectedAnswer


class Memory:
    """A store that remembers every cursor."""

    def __init__(self, *saved):
        self.saved = list(saved)

    async def load(self):
        return self.saved[-1] if self.saved else None

    async def save(self, cursor):
        self.saved.append(cursor)


def cursors(bench):
    return [request.headers.get("last-event-id") for request in bench.requests]


async def numbers(follower, count):
    return [(await anext(follower)).payload["n"] for _ in range(count)]


@run
async def test_it_resumes_behind_the_last_item_after_every_kind_of_end():
    answers = [
        httpx.ConnectError("no"),
        problem(503, "service_unavailable", retry_after="3"),
        stream(begun("evt_0"), event("evt_1", n=1)),
        stream(begun("evt_1"), event("evt_2", n=2)[:20]),
        stream(begun("evt_1"), event("evt_2", n=2), httpx.ReadError("reset")),
        stream(said("stream.end", retry=700, reason="draining")),
        stream(said("stream.end", reason="overloaded")),
        stream(begun("evt_2"), event("evt_3", n=3), httpx.ReadTimeout("silence")),
        stream(begun("evt_3"), said("ping", "evt_9"), said("stream.end", retry=700, reason="draining")),
        problem(500, "internal"),
        stream(begun("evt_9"), event("evt_10", n=4)),
    ]
    async with Bench(answers) as bench:
        follower = bench.client.follow()
        assert await numbers(follower, 4) == [1, 2, 3, 4]
        assert cursors(bench) == [None, None, None, "evt_1", "evt_1", "evt_2", "evt_2", "evt_2", "evt_3", "evt_9", "evt_9"]
        assert bench.clock.pauses == [0.5, 3, 0.5, 0.5, 0.5, 0.7, 2, 0.5, 0.7, 1]
        assert follower.cursor == "evt_10"


@run
async def test_events_are_what_was_published():
    async with Bench([stream(begun("evt_0"), event("evt_1", "incident.created", incidentId="inc_1", id="x"))]) as bench:
        follower = bench.client.follow("incident.*", after="")
        item = await anext(follower)
        assert (item.id, item.type, item.payload) == ("evt_1", "incident.created", {"incidentId": "inc_1", "id": "x"})
        assert item.time.isoformat() == "2024-04-01T14:32:10+00:00"
        assert bench.requests[0].url.params["types"] == "incident.*" and cursors(bench) == [""]
        assert str(bench.requests[0].url).find("token") < 0


@run
async def test_a_gap_is_an_item_and_is_not_lost_with_its_connection():
    answers = [
        stream(begun(None)),
        stream(begun(None), said("stream.gap", "evt_7", reason="unknown_cursor"), said("stream.stalled", since="x"), said("stream.live")),
        stream(begun(None), said("stream.gap", "evt_8", reason="expired", missedBefore="evt_9"), event("evt_9", n=9)),
    ]
    async with Bench(answers) as bench:
        follower = bench.client.follow(after="evt_of_another_log")
        assert await anext(follower) == Gap("unknown_cursor")
        assert await anext(follower) == Gap("expired", "evt_9")
        assert isinstance(await anext(follower), Event)
        # Only a gap that was told moves the cursor.
        assert cursors(bench) == ["evt_of_another_log", "evt_of_another_log", "evt_7"]


@run
async def test_a_gap_at_the_beginning_is_told_after_opened_too():
    store = Memory("evt_of_another_log")
    answers = [stream(begun(None), said("stream.gap", "evt_7", reason="unknown_cursor"), event("evt_8", n=8), event("evt_9", n=9))]
    async with Bench(answers) as bench:
        follower = bench.client.follow(store=store)
        await follower.opened()
        await follower.opened()
        await follower.save()
        # A process that ended here would be told of the gap again.
        assert store.saved == ["evt_of_another_log"] and follower.cursor == "evt_of_another_log"
        assert await anext(follower) == Gap("unknown_cursor")
        assert follower.cursor == "evt_7" and store.saved == ["evt_of_another_log"]
        assert await numbers(follower, 2) == [8, 9]
        assert store.saved == ["evt_of_another_log", "evt_7", "evt_8"]


@run
async def test_a_store_has_what_was_processed():
    store = Memory()
    async with Bench([stream(begun("evt_0"), event("evt_1", n=1), event("evt_2", n=2), said("ping", "evt_5"), event("evt_6", n=6))]) as bench:
        follower = bench.client.follow(store=store)
        assert await numbers(follower, 1) == [1] and store.saved == ["evt_0"]
        assert await numbers(follower, 1) == [2] and store.saved == ["evt_0", "evt_1"]
        assert await numbers(follower, 1) == [6] and store.saved == ["evt_0", "evt_1", "evt_2", "evt_5"]
        await follower.save()
        await follower.aclose()
        assert store.saved[-1] == "evt_6"
    async with Bench([stream(begun("evt_6"), event("evt_7", n=7))]) as bench:
        assert await numbers(bench.client.follow(after="evt_1", store=store), 1) == [7]
        assert cursors(bench) == ["evt_6"]


@run
async def test_a_damaged_file_gets_a_gap(tmp_path):
    (tmp_path / "cursor").write_bytes(b"\xff\x00\nevt")
    async with Bench([stream(begun("evt_7"), said("stream.gap", "evt_7", reason="unknown_cursor"))]) as bench:
        assert await anext(bench.client.follow(store=FileCursor(tmp_path / "cursor"))) == Gap("unknown_cursor")
        assert cursors(bench) == ["malformed"]


@run
async def test_a_call_that_is_cancelled_loses_nothing():
    class Held(Pieces):
        async def __aiter__(self):
            yield begun("evt_0") + event("evt_1", n=1)
            await asyncio.Event().wait()

    held = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Held())
    async with Bench([held, stream(begun("evt_1"), event("evt_2", n=2))]) as bench:
        follower = bench.client.follow()
        await follower.opened()
        assert follower.state is State.LIVE
        assert await numbers(follower, 1) == [1]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(follower), 0.05)
        assert await numbers(follower, 1) == [2]
        # The next call connects at once: nothing has failed.
        assert cursors(bench) == [None, "evt_1"] and bench.clock.pauses == []


@run
async def test_it_gets_another_token_when_the_last_has_ended():
    tokens = iter(["one", "two", "three"])
    answers = [
        stream(begun("evt_0"), said("stream.end", reason="token_revoked")),
        problem(401, "unauthorized"),
        stream(begun("evt_0"), event("evt_1", n=1)),
    ]
    async with Bench(answers, token=lambda: next(tokens)) as bench:
        assert await numbers(bench.client.follow(), 1) == [1]
        assert [request.headers["authorization"] for request in bench.requests] == ["Bearer one", "Bearer one", "Bearer two"]
        assert bench.clock.pauses == [0]
    async with Bench([stream(said("stream.end", reason="token_expired")), problem(401, "unauthorized")]) as bench:
        with pytest.raises(Unauthorized):
            await anext(bench.client.follow())


@run
async def test_what_cannot_pass_is_raised():
    for answer, kind in (
        (problem(403, "forbidden"), Forbidden),
        (httpx.Response(200, text="<html>"), UnexpectedAnswer),
        (stream(b"event: a.b\ndata: {\n\n"), UnexpectedAnswer),
        (stream(b"event: a.b\ndata: {}\n\n"), UnexpectedAnswer),
    ):
        async with Bench([answer]) as bench:
            with pytest.raises(kind):
                await anext(bench.client.follow())


# MARK: Executions


@run
async def test_an_execution_ends_with_its_last_event():
    answers = [
        stream(b'id: 1\nevent: progress\ndata: {"progress":0.5,"type":"x"}\n\n: heartbeat\n\n', causeway_execution="run%2F1"),
        stream(said("stream.gap", reason="expired"), b'id: 3\nevent: complete\ndata: {"result":1}\n\nid: 4\nevent: progress\ndata: {}\n\n'),
    ]
    async with Bench(answers) as bench:
        follower = bench.client.follow_execution("agent", "code review", wait=True)
        items = [item async for item in follower]
        assert items == [ExecutionEvent(1, "progress", {"progress": 0.5, "type": "x"}), Gap("expired"), ExecutionEvent(3, "complete", {"result": 1})]
        assert items[-1].is_final and follower.execution == "run/1" and follower.state is State.ENDED
        assert [request.url.raw_path for request in bench.requests] == [
            b"/api/streaming/agents/code%20review/stream?wait=true",
            b"/api/streaming/agents/code%20review/stream?wait=true&execution=run%2F1",
        ]
        assert cursors(bench) == [None, "1"]
    async with Bench([httpx.Response(204)]) as bench:
        assert [item async for item in bench.client.follow_execution("workflow", "w", after=3)] == []


# MARK: Approvals


def record(status, **members):
    return httpx.Response(200, json={"approvalId": "a/1", "status": status, "remediationId": "rem_1", "decision": None} | members)


@run
async def test_a_permit_is_asked_for_awaited_and_consumed():
    permit = {"approvalId": "a/1", "actionDigest": "sha256:x", "consumedBy": "svc", "consumedAt": "2024-04-01T14:32:10.000Z"}
    answers = [
        httpx.Response(202, json={"accepted": 1, "ids": ["evt_1"]}), record("pending"), record("approved"),
        httpx.ReadTimeout("lost"), httpx.Response(200, json=permit),
    ]  # fmt: skip
    async with Bench(answers) as bench:
        taken = await bench.client.approvals.permit("a/1", {"n": 1.0}, remediation_id="rem_1", title="Do it")
        assert taken.consumed_by == "svc" and taken.raw == permit
        ask, *_, consume, again = bench.requests
        assert json.loads(ask.content) == {
            "type": "approval.requested", "payload": {"approvalId": "a/1", "remediationId": "rem_1", "title": "Do it", "action": {"n": 1.0}},
        }  # fmt: skip
        # From `printf '{"n":1}' | sha256sum`.
        digest = "sha256:2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd"
        assert json.loads(consume.content) == json.loads(again.content) == {"actionDigest": digest}
        assert consume.headers["idempotency-key"] == again.headers["idempotency-key"] and ask.headers["idempotency-key"]
        assert consume.url.raw_path == b"/v1/notifications/approvals/a%2F1/consume"


@run
async def test_what_is_not_approved_is_not_consumed():
    answers = [httpx.Response(202, json={"accepted": 1, "ids": ["evt_1"]}), record("rejected", decision={"decidedBy": "olga"})]
    async with Bench(answers) as bench:
        with pytest.raises(Denied, match="a/1 is rejected: execute nothing") as raised:
            await bench.client.approvals.permit("a/1", {}, remediation_id="rem_1")
        assert raised.value.approval.decision == {"decidedBy": "olga"}


@run
async def test_waiting_has_an_end():
    async with Bench(2 * [record("pending")]) as bench:

        async def forever(_):
            await asyncio.Event().wait()

        bench.clock.sleep = forever
        with pytest.raises(StillPending) as raised:
            await bench.client.approvals.wait("a/1", timeout=0)
        assert isinstance(raised.value, TimeoutError)


@run
async def test_waiting_by_stream_looks_when_an_event_says_so():
    answers = [
        record("pending"),
        stream(begun("evt_0"), event("evt_1", "approval.resolved", approvalId="other"), event("evt_2", "approval.resolved", approvalId="a/1")),
        record("pending"),
        record("approved"),
    ]
    async with Bench(answers) as bench:
        assert (await bench.client.approvals.wait("a/1", by="stream")).status == "approved"
        assert bench.requests[1].url.params["types"] == "approval.resolved"
