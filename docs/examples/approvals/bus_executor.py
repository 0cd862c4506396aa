#!/usr/bin/env python3
"""An executor on the bus: asks and waits over NATS, takes the permit over HTTP, acts once (docs/approvals.md).

Needs nats-py, and the Python client, Clients/Python/causeway.

    NATS_URL=nats://127.0.0.1:4222 CAUSEWAY_URL=http://127.0.0.1:8080 CAUSEWAY_TOKEN=… python3 docs/examples/approvals/bus_executor.py APPROVAL

The tenant is acme. An event only says when to look; the record says what was decided. So nothing depends on an event that is missed.
"""

import asyncio
import json
import os
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy

from causeway import Causeway, CausewayError, NotFound

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}
#: How long to wait for an event before the record is read anyway, in seconds.
PATIENCE = 30


async def ask(bus: nats.NATS, approval: str) -> None:
    """Requests the approval, with JetStream's acknowledgement."""
    payload = {"approvalId": approval, "remediationId": f"rem_{approval}", "title": "Scale checkout to 8 replicas", "risk": "high"}
    headers = {"ce-specversion": "1.0", "ce-id": f"request-{approval}"}
    body = json.dumps(payload | {"action": ACTION}).encode()
    await bus.jetstream().publish("events.acme.approval.requested", body, headers=headers)


async def status_of(causeway: Causeway, approval: str) -> str:
    """The status in the record; pending until the request has been read from the bus."""
    try:
        return (await causeway.approvals.get(approval)).status
    except NotFound:
        return "pending"


async def wait(causeway: Causeway, events: nats.js.JetStreamContext.PushSubscription, approval: str) -> str:
    """Returns the status once somebody has decided, or nobody in time."""
    while (status := await status_of(causeway, approval)) == "pending":
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_about(await events.next_msg(timeout=PATIENCE), approval):
                    pass
        except TimeoutError:
            continue
    return status


def is_about(message: nats.aio.msg.Msg, approval: str) -> bool:
    """Whether an event of the tenant names the approval."""
    try:
        return json.loads(message.data).get("approvalId") == approval
    except (ValueError, AttributeError):
        return False


def execute(action: dict) -> None:
    """The work itself: called with the action whose digest was consumed, and nothing else."""
    print("executing", action, flush=True)


async def main(approval: str) -> None:
    bus = await nats.connect(os.environ["NATS_URL"], name="executor")
    # Before the request, so that no event about it is missed.
    from_now = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
    events = await bus.jetstream().subscribe("events.acme.>", stream="EVENTS", ordered_consumer=True, config=from_now)
    await ask(bus, approval)
    print("requested", approval, flush=True)
    async with Causeway(os.environ["CAUSEWAY_URL"], os.environ["CAUSEWAY_TOKEN"]) as causeway:
        status = await wait(causeway, events, approval)
        print(status, approval, flush=True)
        await bus.close()
        if status == "approved":
            await causeway.approvals.consume(approval, ACTION)
            execute(ACTION)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} APPROVAL")
    try:
        asyncio.run(main(sys.argv[1]))
    except CausewayError as error:
        sys.exit(f"nothing was executed: {error}")
