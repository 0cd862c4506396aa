"""Access to the bus through nats-py; and the content of the log, which is the oracle for the surfaces."""

import asyncio
import itertools
import json
import threading
from dataclasses import dataclass
from urllib.parse import quote, unquote

import nats
from nats.errors import TimeoutError as FetchTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from .subjects import event_subject, tenant_of, token

STREAM = "EVENTS"


@dataclass(frozen=True)
class StoredEvent:
    """A message of the log that is an event."""

    sequence: int
    tenant: str
    user: str | None
    id: str
    type: str
    body: bytes
    source: str | None = None
    #: The further recipients beside `user`, as the message's header has them; a request has them in its payload.
    others: tuple[str, ...] = ()


class Bus:
    """A synchronous wrapper of a nats-py client. It reconnects without a limit."""

    def __init__(self, url):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats-py", daemon=True)
        self._thread.start()
        self._connection = self._run(nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=self._ignore))
        self._jetstream = self._connection.jetstream(timeout=5)

    @staticmethod
    async def _ignore(error):
        """Ignores errors of the connection: many tests stop the bus, and calls report their own errors."""

    def _run(self, coroutine, timeout=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def close(self):
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def publish(self, subject, body, headers=None):
        """Publishes and returns the sequence at which the log stored it."""
        return self._run(self._jetstream.publish(subject, body, headers=headers)).seq

    def publish_event(self, tenant, type, body, *, id=None, user=None, time=None, source=None):
        """Publishes an event as docs/producing.md describes: CloudEvents binary mode."""
        headers = {"ce-specversion": "1.0", "ce-type": type, "content-type": "application/json"}
        if id is not None:
            headers["Nats-Msg-Id"] = f"{token(tenant)}.{token(id)}"
        optional = {"ce-id": id, "ce-userid": user, "ce-time": time, "ce-source": source}
        headers |= {name: _encoded(value) for name, value in optional.items() if value is not None}
        return self.publish(event_subject(tenant, type), body, headers)

    def publish_many(self, tenant, type, payloads):
        """Publishes many events in order, many of them in flight. Returns when the log has stored all."""
        self._run(self._publish_many(tenant, type, payloads), timeout=600)

    async def _publish_many(self, tenant, type, payloads):
        subject, headers = event_subject(tenant, type), {"ce-specversion": "1.0", "ce-type": type, "content-type": "application/json"}
        payloads = iter(payloads)
        while some := list(itertools.islice(payloads, 1000)):
            await asyncio.gather(*(self._jetstream.publish(subject, json.dumps(payload).encode(), headers=headers) for payload in some))

    def last_number(self, kind, name, tenant):
        """The number of an execution's last message."""
        subject = f"executions.{token(tenant)}.{kind}.{token(name)}"
        return int(self._run(self._jetstream.get_last_msg(STREAM, subject)).headers["causeway-number"])

    def headers(self, sequence):
        """The headers of the log's message at a sequence."""
        return self._run(self._jetstream.get_msg(STREAM, sequence)).headers or {}

    def last_message(self, stream, subject):
        """The last message of a stream at a subject, with `headers` and `data`."""
        return self._run(self._jetstream.get_last_msg(stream, subject))

    def state(self, stream=STREAM):
        """The state of a stream: `messages`, `first_seq`, `last_seq`."""
        return self._run(self._jetstream.stream_info(stream)).state

    def api(self, operation, **body):
        """Sends a raw request to the JetStream API, for features that nats-py lacks; fails if the server refuses it."""
        answer = json.loads(self._run(self._connection.request(f"$JS.API.{operation}", json.dumps(body).encode(), timeout=5)).data)
        assert "error" not in answer, answer
        return answer

    def answer_commands(self, method, answers):
        """Runs a service for a method of the relay's clients (docs/commands.md), until the bus is closed.

        `answers` are what every command gets, or a function that returns it for the command's headers: pairs of a status and a body. A status is
        `progress`, `result` or `error`, or None for no header.
        """

        async def answer(command):
            for status, body in answers(command.headers) if callable(answers) else answers:
                headers = None if status is None else {"causeway-status": status}
                await self._connection.publish(command.reply, body, headers=headers)

        self._run(self._connection.subscribe(f"rpc.{method}", cb=answer))
        self._run(self._connection.flush())

    def leader(self, stream=STREAM):
        """The name of the cluster's server that has a stream, by default the log."""
        return self._run(self._jetstream.stream_info(stream)).cluster.leader

    def log_exists(self):
        try:
            self.state()
        except NotFoundError:
            return False
        return True

    def purge(self, before):
        """Purges the log up to the sequence `before`, exclusive."""
        self.purge_stream(STREAM, before)

    def purge_stream(self, name, before):
        """Purges a stream up to the sequence `before`, exclusive."""
        self._run(self._jetstream.purge_stream(name, seq=before))

    def purge_tenant(self, tenant):
        """Purges all events of a tenant."""
        self._run(self._jetstream.purge_stream(STREAM, subject=f"events.{token(tenant)}.>"))

    def purge_execution(self, kind, name, tenant):
        """Purges all events of an agent or a workflow."""
        self._run(self._jetstream.purge_stream(STREAM, subject=f"executions.{token(tenant)}.{kind}.{token(name)}"))

    def delete(self, sequence):
        """Deletes one message."""
        self._run(self._jetstream.delete_msg(STREAM, sequence))

    def create_log(self):
        """Creates the log's stream like a service, before any has run."""
        self._run(self._jetstream.add_stream(name=STREAM, subjects=["events.>", "executions.>"]))

    def config(self, stream=STREAM):
        """The configuration of a stream."""
        return self._run(self._jetstream.stream_info(stream)).config

    def reconfigure(self, stream=STREAM, **changes):
        """Changes a stream while services run, and returns the new configuration."""
        return self._run(self._jetstream.update_stream(self.config(stream).evolve(**changes))).config

    def recreate_log(self):
        """Recreates the log's stream with the same settings, empty."""
        config = self.config()
        self._run(self._jetstream.delete_stream(STREAM))
        self._run(self._jetstream.add_stream(config))

    def delete_stream(self, name):
        """Deletes a stream with its messages."""
        self._run(self._jetstream.delete_stream(name))

    def delete_consumer(self, name, stream=STREAM):
        """Deletes a durable consumer of a stream while services run."""
        self._run(self._jetstream.delete_consumer(stream, name))

    def consumer_is_done(self, name, stream=STREAM):
        """Whether a durable consumer of a stream exists and all its messages are acknowledged."""
        try:
            info = self._run(self._jetstream.consumer_info(stream, name))
        except NotFoundError:
            return False
        return info.num_pending == 0 and info.num_ack_pending == 0

    def events(self, after=0):
        """All events of the log behind a sequence, in order."""
        return self._run(self._read_events("events.>", after))

    def execution_messages(self, tenant, after=0):
        """All messages of a tenant's executions in the log behind a sequence, in order."""
        return self._run(self._read_events(f"executions.{token(tenant)}.>", after))

    async def _read_events(self, filter, after):
        # An ephemeral consumer of our own, so that reading changes nothing that anyone else could notice.
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1, ack_policy=AckPolicy.NONE, inactive_threshold=30
        )
        subscription = await self._jetstream.pull_subscribe(filter, stream=STREAM, config=config)
        stored, left = [], (await subscription.consumer_info()).num_pending
        while left > 0:
            try:
                messages = await subscription.fetch(1000, timeout=2)
            except FetchTimeout:
                break
            left -= len(messages)
            for message in messages:
                headers = message.headers or {}
                stored.append(
                    StoredEvent(
                        sequence=message.metadata.sequence.stream,
                        tenant=tenant_of(message.subject),
                        user=_decoded(headers.get("ce-userid")),
                        id=_decoded(headers.get("ce-id")),
                        type=headers.get("ce-type"),
                        body=message.data,
                        source=_decoded(headers.get("ce-source")),
                        others=tuple(_decoded(name) for name in headers.get("causeway-recipients", "").split(",") if name),
                    )
                )
        await subscription.unsubscribe()
        return stored


# Visible ASCII, without `"` and `%`, stands for itself in a CloudEvents header (HTTP binding 1.0.2, §3.1.3.2); the rest is percent-encoded.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def _encoded(value):
    return quote(value, safe=_PLAIN)


def _decoded(value):
    return None if value is None else unquote(value, errors="surrogateescape")
