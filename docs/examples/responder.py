#!/usr/bin/env python3
"""A service that answers two commands of the relay's clients (docs/commands.md).

    NATS_URL=nats://127.0.0.1:4222 python3 docs/examples/responder.py

`agent.list` answers at once. `agent.analyze` takes its time, tells how far it is, and stops when nobody waits for it any more.
Start it as often as you like: the processes share the work.
"""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

AGENTS = ["log analysis", "metrics", "deployments"]


class InvalidParams(Exception):
    """The caller sent parameters that the method cannot use; becomes JSON-RPC's -32602."""


class Call:
    """One command: who asks for what, and the ways to answer."""

    def __init__(self, bus: Client, message: Msg):
        headers = message.headers or {}
        self.id = headers.get("causeway-request-id", "")
        self.tenant = unquote(headers.get("causeway-tenant", ""))
        self.user = unquote(headers.get("causeway-user", ""))
        self.seconds = int(headers.get("causeway-timeout-ms", "30000")) / 1000
        self.params = json.loads(message.data) if message.data else {}
        self._bus = bus
        self._reply = message.reply

    async def progress(self, **members: Any) -> None:
        """Tells the client how far the work is."""
        await self.answer(members, status="progress")

    async def answer(self, value: Any, status: str = "result") -> None:
        """Sends one message; a client that sent a notification wants none."""
        if self._reply:
            await self._bus.publish(self._reply, json.dumps(value).encode(), headers={"causeway-status": status})


async def list_agents(call: Call) -> Any:
    return {"tenant": call.tenant, "agents": AGENTS}


async def analyze(call: Call) -> Any:
    incident = call.params.get("incidentId") if isinstance(call.params, dict) else None
    if not isinstance(incident, str):
        raise InvalidParams("incidentId must be a string")
    steps = int(call.params.get("steps", 5))
    pause = float(call.params.get("pause", 1))
    for step in range(1, steps + 1):
        await call.progress(step=step, of=steps, message=f"looked at {AGENTS[step % len(AGENTS)]}")
        await asyncio.sleep(pause)
    return {"incidentId": incident, "rootCause": "connection pool exhausted", "askedBy": call.user}


async def serve(bus: Client) -> None:
    running: dict[str, asyncio.Task[None]] = {}

    async def carry_out(method: Callable[[Call], Awaitable[Any]], call: Call) -> None:
        try:
            async with asyncio.timeout(call.seconds):
                await call.answer(await method(call))
        except InvalidParams as error:
            await call.answer({"code": -32602, "message": "Invalid params", "data": str(error)}, status="error")
        except TimeoutError:
            print(f"{call.id} took too long", flush=True)
        except asyncio.CancelledError:
            print(f"{call.id} cancelled", flush=True)
        except Exception as error:
            print(f"{call.id} failed: {error!r}", flush=True)
            await call.answer({"code": -32000, "message": "The agent failed"}, status="error")

    async def offer(name: str, method: Callable[[Call], Awaitable[Any]]) -> None:
        async def received(message: Msg) -> None:
            call = Call(bus, message)
            # In a task of its own, so that the next command does not wait for this one.
            task = asyncio.create_task(carry_out(method, call))
            running[call.id] = task
            task.add_done_callback(lambda _: running.pop(call.id, None))

        # The queue group gives each command to one of the processes that offer it.
        await bus.subscribe(f"rpc.{name}", queue=name, cb=received)

    async def cancelled(message: Msg) -> None:
        # It may be the command of another process: every process hears of every cancellation.
        task = running.get(message.subject.rpartition(".")[2])
        if task:
            task.cancel()

    await bus.subscribe("causeway.rpc.cancel.*", cb=cancelled)
    await offer("agent.list", list_agents)
    await offer("agent.analyze", analyze)
    await bus.flush()
    print("listening", flush=True)


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bus = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), name="responder")
    await serve(bus)
    await stop.wait()
    await bus.drain()


if __name__ == "__main__":
    asyncio.run(main())
