#!/usr/bin/env python3
"""Puts one command on the bus as the relay does, and prints what the service answers (docs/commands.md).

    python3 docs/examples/ask.py agent.analyze '{"incidentId":"inc_1","steps":3}'
"""

import asyncio
import os
import sys
import uuid

import nats


async def main(method: str, params: str = "") -> None:
    bus = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), name="ask")
    inbox = bus.new_inbox()
    answers = await bus.subscribe(inbox)
    request = f"req_{uuid.uuid4().hex}"
    headers = {
        "causeway-request-id": request,
        "causeway-tenant": "acme",
        "causeway-user": "ann",
        "causeway-roles": "member",
        "causeway-timeout-ms": "30000",
        "causeway-cancel": f"causeway.rpc.cancel.{request}",
    }
    await bus.publish(f"rpc.{method}", params.encode(), reply=inbox, headers=headers)
    while True:
        answer = await answers.next_msg(timeout=30)
        fields = answer.headers or {}
        status = "nobody answers" if fields.get("Status") == "503" else fields.get("causeway-status", "result")
        print(status, answer.data.decode(), flush=True)
        if status != "progress":
            return await bus.close()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} METHOD [PARAMS]")
    asyncio.run(main(*sys.argv[1:]))
