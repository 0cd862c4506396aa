"""The Python client (Clients/Python/causeway, docs/python-client.md) with real services. Its parts have tests beside it."""

import asyncio
import json
import subprocess
import sys

import pytest

from causeway import (
    AlreadyConsumed,
    Conflict,
    Denied,
    ExecutionEvent,
    FileCursor,
    Forbidden,
    Gap,
    InvalidRequest,
    NewEvent,
    NotFound,
    StillPending,
    Unauthorized,
    action_digest,
)
from causeway_kit.approvals import approval_service
from causeway_kit.python_client import Client, run
from causeway_kit.services import ROOT, command, is_built
from causeway_kit.tokens import mint, producer_token

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8, "share": 0.5, "naïve": ["é", None, True, 1e21]}
needs_approvals = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")


def numbered(number, **members):
    return NewEvent(type="load.tick", id=f"n-{number}", payload={"n": number}, **members)


async def take(stream, count):
    """The next items, each within a time that a slow machine keeps too."""
    return [await asyncio.wait_for(anext(stream), 60) for _ in range(count)]


async def numbers(stream, count):
    return [item.payload["n"] for item in await take(stream, count)]


# MARK: Publishing


@run
async def test_an_event_is_stored_once_however_often_it_is_published(shared, tenant):
    async with Client(shared, producer_token(tenant)) as causeway:
        event = NewEvent(type="incident.created", payload={"incidentId": "inc_1"}, id="one")
        first = await causeway.publish(event)
        assert await causeway.publish(event) == first
        assert await causeway.publish_all([event, numbered(1)]) == [first, (await causeway.publish_all([numbered(1)]))[0]]
        with pytest.raises(Conflict, match="id"):
            await causeway.publish(NewEvent(type="incident.created", payload={"incidentId": "inc_2"}, id="one"))
        with pytest.raises(InvalidRequest, match="incidentId") as raised:
            await causeway.publish_all([numbered(2), NewEvent(type="incident.created")])
        assert raised.value.code == "validation_error" and raised.value.request_id.startswith("req_")
    assert [event.id for event in shared.bus.events() if event.tenant == tenant] == ["one", "n-1"]


@run
async def test_a_bad_event_keeps_no_other_back(shared, tenant):
    refused = []
    async with Client(shared, producer_token(tenant)) as causeway:
        async with causeway.publisher(on_refused=lambda event, error: refused.append((event.id, error.code))) as publisher:
            for number in range(40):
                await publisher.put(numbered(number))
                if number == 20:
                    await publisher.put(NewEvent(type="incident.created", id="bad"))
    assert refused == [("bad", "validation_error")]
    assert [event.id for event in shared.bus.events() if event.tenant == tenant] == [f"n-{number}" for number in range(40)]


# MARK: Following


@run
async def test_two_users_get_what_is_for_them(shared, edge, tenant):
    ann = Client(shared, mint(tenant, "ann"), edges=[edge])
    bob = Client(shared, mint(tenant, "bob"), edges=[edge])
    async with ann as one, bob as other, one.follow() as for_ann, other.follow(["load.*"]) as for_bob:
        await for_ann.opened()
        await for_bob.opened()
        async with Client(shared, producer_token(tenant)) as producer:
            ids = await producer.publish_all(
                [numbered(1), numbered(2, user="ann"), numbered(3, user="bob"), NewEvent(type="other.type", payload={"n": 4}), numbered(5)]
            )
        assert await numbers(for_ann, 4) == [1, 2, 4, 5]
        got = await take(for_bob, 3)
        assert [(item.id, item.type, item.payload) for item in got] == [(ids[n - 1], "load.tick", {"n": n}) for n in (1, 3, 5)]
        assert for_bob.cursor == ids[4]


@run
async def test_nothing_is_lost_when_an_edge_and_the_intake_are_killed(stack):
    """Both are killed with -9 while events flow; the client reconnects and repeats by itself, without a sleep or a cursor in the test."""
    edges = stack.edges(2)
    count = 600
    client = Client(stack, mint(), edges=edges)
    producer = Client(stack, producer_token())
    async with client as causeway, producer as sender, causeway.follow() as stream:
        await stream.opened()

        killed = asyncio.Event()

        async def publish():
            async with sender.publisher() as publisher:
                for number in range(count):
                    if number == 250:
                        # The client cannot have received these before the kill.
                        await killed.wait()
                    await publisher.put(numbered(number))
                    if number % 50 == 0:
                        await publisher.flush()

        publishing = asyncio.create_task(publish())
        got = await numbers(stream, 50)
        first = client.front.tried[-1]
        first.kill()
        stack.producer.kill()
        stack.producer.start()
        killed.set()
        got += await numbers(stream, 250)
        assert client.front.tried[-1] is not first
        first.start().wait_ready()
        client.front.tried[-1].kill()
        got += await numbers(stream, count - 300)
        await publishing
        assert got == list(range(count))
    assert [event.id for event in stack.bus.events()] == [f"n-{number}" for number in range(count)]


@run
async def test_a_restarted_process_continues_where_it_was(shared, edge, tenant, tmp_path):
    async with Client(shared, producer_token(tenant)) as producer:
        async with Client(shared, mint(tenant), edges=[edge]) as causeway:
            stream = causeway.follow(store=FileCursor(tmp_path / "cursor"))
            await stream.opened()
            await producer.publish_all([numbered(number) for number in range(5)])
            assert await numbers(stream, 3) == [0, 1, 2]
            # It ends while it processes the last one.
            await stream.aclose()
        await producer.publish(numbered(5))
        async with Client(shared, mint(tenant), edges=[edge]) as causeway, causeway.follow(store=FileCursor(tmp_path / "cursor")) as stream:
            assert await numbers(stream, 4) == [2, 3, 4, 5]
            await stream.save()
        assert (tmp_path / "cursor").read_text().strip() == stream.cursor


@run
async def test_gaps_are_items(stack):
    edge = stack.edge()
    async with Client(stack, producer_token()) as producer, Client(stack, mint(), edges=[edge]) as causeway:
        ids = await producer.publish_all([numbered(number) for number in range(6)])
        async with causeway.follow(after="") as stream:
            assert await numbers(stream, 6) == list(range(6))
        stack.bus.purge(before=4)

        async def gap():
            async with causeway.follow(after=ids[0]) as stream:
                item, *rest = await take(stream, 2)
                return isinstance(item, Gap) and (item, rest[0].payload["n"])

        # An edge knows of a purge a moment later.
        async with asyncio.timeout(30):
            while not (told := await gap()):
                pass
        assert told == (Gap("expired", ids[3]), 3)
        async with causeway.follow(after="evt_of_another_log") as stream:
            assert await take(stream, 1) == [Gap("unknown_cursor")]
            await producer.publish(numbered(6))
            assert await numbers(stream, 1) == [6]


@run
async def test_a_stream_outlives_its_token(shared, edge, tenant):
    tokens = []

    def token():
        tokens.append(mint(tenant, lifetime=3))
        return tokens[-1]

    client = Client(shared, token, edges=[edge])
    async with client as causeway, causeway.follow() as stream, Client(shared, producer_token(tenant)) as producer:
        await stream.opened()
        waiting = asyncio.create_task(numbers(stream, 1))
        async with asyncio.timeout(60):
            while len(client.front.tried) < 2:
                await asyncio.sleep(0.05)
        await producer.publish(numbered(1))
        assert await waiting == [1] and len(tokens) >= 2
    async with Client(shared, "not-a-token", edges=[edge]) as causeway:
        with pytest.raises(Unauthorized):
            await take(causeway.follow(), 1)
    async with Client(shared, producer_token(tenant), edges=[edge]) as causeway:
        with pytest.raises(Forbidden):
            await take(causeway.follow(), 1)


# MARK: Executions


@run
async def test_an_execution_is_followed_to_its_end(shared, edge, tenant):
    name = "code review/1"
    async with Client(shared, producer_token(tenant)) as producer, Client(shared, mint(tenant), edges=[edge]) as causeway:
        with pytest.raises(NotFound):
            await take(causeway.follow_execution("agent", name), 1)
        async with causeway.follow_execution("agent", name, wait=True) as stream:
            begun = asyncio.create_task(take(stream, 1))
            progress = NewEvent(type="progress", payload={"progress": 0.5, "type": "x"})
            [first] = await producer.publish_execution("agent", name, [progress])
            assert await producer.publish_execution("agent", name, [progress]) == [first]
            assert await begun == [ExecutionEvent(first, "progress", {"progress": 0.5, "type": "x"})]
            await producer.publish_execution("agent", name, [NewEvent(type="complete", payload={"result": "done"})])
            assert [item async for item in stream] == [ExecutionEvent(first + 1, "complete", {"result": "done"})]
        again = causeway.follow_execution("agent", name)
        assert [item.number async for item in again] == [first, first + 1] and again.execution.startswith("run_")
        assert [item async for item in causeway.follow_execution("agent", name, after=first + 1)] == []


# MARK: Approvals


@pytest.fixture(scope="module")
def replica(shared):
    if not is_built("approval-api"):
        pytest.skip("approval-api is not built")
    return approval_service(shared, expiry_interval="100ms").wait_ready()


@run
async def test_an_executor_gets_one_permit_for_what_was_approved(shared, edge, replica, tenant):
    executor = Client(shared, producer_token(tenant), approvals=[replica])
    admin = Client(shared, mint(tenant, "olga", ["admin"]), edges=[edge], approvals=[replica])
    async with executor as service, admin as olga, olga.follow(["approval.*"]) as stream:
        await stream.opened()
        asking = asyncio.create_task(service.approvals.permit("scale/1", ACTION, remediation_id="rem_1", title="Scale", timeout=60))
        [asked] = await take(stream, 1)
        assert asked.type == "approval.requested" and asked.payload["action"] == ACTION
        # Asked again, as a restarted executor does.
        assert await service.approvals.request("scale/1", remediation_id="rem_1", title="Scale", action=ACTION) == asked.id
        [pending] = await olga.approvals.pending()
        assert (pending.approval_id, pending.action_digest) == ("scale/1", action_digest(ACTION))
        with pytest.raises(StillPending):
            await olga.approvals.wait("scale/1", timeout=0.1, by="stream")
        watching = asyncio.create_task(olga.approvals.wait("scale/1", by="stream", timeout=60))
        with pytest.raises(Conflict):
            await olga.approvals.decide("scale/1", "approve", seen=ACTION | {"replicas": 80})
        assert (await olga.approvals.decide("scale/1", "approve", seen=ACTION, reason="Load is low"))["status"] == "approved"
        permit = await asking
        assert (permit.approval_id, permit.action_digest) == ("scale/1", action_digest(ACTION))
        decided = await watching
        assert decided.status == "approved" and decided.decision["decidedBy"] == "olga" and decided.raw["title"] == "Scale"
        with pytest.raises(AlreadyConsumed):
            await service.approvals.consume("scale/1", ACTION)
        with pytest.raises(NotFound):
            await service.approvals.get("scale/2")


@run
async def test_a_rejected_action_and_another_action_get_no_permit(shared, replica, tenant):
    executor = Client(shared, producer_token(tenant), approvals=[replica])
    async with executor as service, Client(shared, mint(tenant, "olga", ["admin"]), approvals=[replica]) as olga:
        for name in ("one", "two"):
            await service.approvals.request(name, remediation_id="rem_1", action=ACTION)
        await olga.approvals.decide("one", "reject")
        with pytest.raises(Conflict):
            # Decided, it is another request.
            await service.approvals.permit("one", ACTION | {"replicas": 9}, remediation_id="rem_1")
        await olga.approvals.decide("two", "approve")
        with pytest.raises(Conflict):
            await service.approvals.consume("two", ACTION | {"replicas": 9})
        key = "executor-1"
        first = await service.approvals.consume("two", ACTION, key=key)
        assert await service.approvals.consume("two", ACTION, key=key) == first
        asking = asyncio.create_task(service.approvals.permit("three", None, remediation_id="rem_1"))
        async with asyncio.timeout(60):
            while not await olga.approvals.pending():
                pass
        await olga.approvals.decide("three", "reject", reason="no")
        with pytest.raises(Denied) as raised:
            await asking
        assert raised.value.approval.decision["reason"] == "no"


@pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")
def test_its_digest_is_that_of_the_command_line():
    done = command("causeway", "approvals", "digest", stdin=json.dumps(ACTION).encode())
    assert done.stdout.decode().strip() == action_digest(ACTION)


# MARK: The package


def test_pip_installs_it_from_the_folder(tmp_path):
    folder = ROOT / "Clients/Python/causeway"
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", tmp_path, folder], check=True, capture_output=True, timeout=150)
    assert (tmp_path / "causeway/py.typed").exists()
    script = "import causeway; print(causeway.__file__)"
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / "causeway/__init__.py")
