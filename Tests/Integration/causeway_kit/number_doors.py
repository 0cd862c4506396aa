"""Doors for numbers: no number may cause a 5xx or a crash."""

import json
import socket
from abc import ABC, abstractmethod

from .cursors import Cursor
from .doors import Accepted, Improper, Offer, new_mark, refusal
from .event_doors import as_json
from .executions import ExecutionStream
from .identifiers import TENANT
from .long_poll import LongPoll
from .question_doors import TOKENS
from .relay import RelayClient
from .services import command
from .sse import SSEConnection
from .surfaces import Closed, Gap, NotificationStream
from .tokens import SECRET, mint, producer_token, sign
from .websocket import TEXT, Close, WebSocketConnection, announced
from .workspace import workspace_of

#: What every door is tried with; names are for the text of a failure.
NUMBERS = {
    "-1": "-1", "0": "0", "2^31": str(2**31), "2^53": str(2**53), "2^63": str(2**63), "2^64-1": str(2**64 - 1), "2^64": str(2**64),
    "1e3": "1e3", "nothing": "", "30 digits": "123456789012345678901234567890",
}  # fmt: skip

#: The query parameters for a cursor (contract §3).
SPELLINGS = ("last_event_id", "lastEventId", "lastEventID", "Last-Event-ID")


def whole(text):
    """The number that a text of digits is; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() else None


def expect(answer, *statuses, about=""):
    if answer.status_code not in statuses:
        raise Improper(f"{about}answered with {answer.status_code} {answer.text[:200]} instead of {' or '.join(map(str, statuses))}")
    if answer.status_code >= 400:
        refusal(answer, answer.status_code)


class NumberDoor(ABC):
    """A place where a number enters."""

    name: str

    def carries(self, text):
        return True

    @abstractmethod
    def offer(self, world, text, tenant):
        """Brings it to the door; raises `Improper` for an answer that no number may cause."""

    def __repr__(self):
        return self.name


class PageLimit(NumberDoor):
    def __init__(self, path, service="approvals", role="member"):
        self.name, self._path, self._service, self._role = f"limit of {path}", path, service, role

    def offer(self, world, text, tenant):
        answer = world.call(getattr(world, self._service), "GET", f"{self._path}?limit={text}", token=mint(tenant, roles=(self._role,)))
        expect(answer, 200 if 1 <= (whole(text) or 0) <= 200 else 400)
        if answer.status_code == 400 and "limit" not in answer.text:
            raise Improper(f"refused without a word of the limit: {answer.text}")


class _CursorNumber(NumberDoor):
    """The 64 low bits of a cursor."""

    def carries(self, text):
        return whole(text) is not None and whole(text) < 2**64

    def text(self, world, number, tenant, prefix="evt_"):
        """A cursor of the log that there is, with that number in its low bits."""
        real = Cursor.parse(world.stack.intake.publish({"type": "doors.number", "tenant": tenant, "payload": {}})[0])
        return prefix + real._replace(sequence=whole(number)).text.removeprefix("evt_")


class ListCursor(_CursorNumber):
    def __init__(self, path, prefix):
        self.name, self._path, self._prefix = f"cursor {prefix} of {path}", path, prefix

    def offer(self, world, text, tenant):
        cursor = self.text(world, text, tenant, self._prefix)
        expect(world.call(world.approvals, "GET", f"{self._path}?cursor={cursor}", token=mint(tenant)), 200, 400)


class MarkOne(_CursorNumber):
    name = "path of a notification"

    def offer(self, world, text, tenant):
        id = self.text(world, text, tenant, "ntf_")
        expect(world.call(world.approvals, "PATCH", f"/v1/notifications/{id}/read", token=mint(tenant)), 404)


class EventPath(_CursorNumber):
    """The path of a stored event: an id of the future is one that does not exist, one that was removed is gone."""

    name = "path of an event"

    def offer(self, world, text, tenant):
        id = self.text(world, text, tenant)
        answer = world.call(world.producer, "GET", f"/v1/events/{id}", token=mint(tenant, roles=("admin",)))
        expect(answer, *((200, 404, 410) if whole(text) < 2**63 else (400,)))


class MarkAll(_CursorNumber):
    name = "cursor of the body that marks all"

    def offer(self, world, text, tenant):
        for prefix in ("evt_", "ntf_"):
            body = as_json({"cursor": self.text(world, text, tenant, prefix)})
            answer = world.call(
                world.approvals, "POST", "/v1/notifications/read", token=mint(tenant), content=body, content_type="application/json"
            )
            expect(answer, *((200, 400) if whole(text) < 2**31 else (400,)))


class StreamCursor(_CursorNumber):
    """A cursor: one that the log has not reached gets a gap (contract §3)."""

    def __init__(self, surface, edge_of):
        self.name, self._surface, self._edge_of = f"cursor of the {surface.name}", surface, edge_of

    def offer(self, world, text, tenant):
        with self._surface.connect(self._edge_of(world), mint(tenant), cursor=self.text(world, text, tenant)) as client:
            if whole(text) >= 2**31:
                while not isinstance(message := client.next(), Gap):
                    if isinstance(message, Closed):
                        raise Improper("closed instead of told that the place is unknown")
                if message.reason != "unknown_cursor":
                    raise Improper(f"a place of the future is answered with {message}")
            else:
                client.next()


class ExecutionCursor(NumberDoor):
    """The number of an execution's event."""

    def __init__(self, spelling):
        self.name, self._spelling = f"{spelling} of an execution stream", spelling

    def offer(self, world, text, tenant):
        publish_run(world, tenant, "counted", f"run-{new_mark()}")
        is_header = self._spelling == "header"
        query = {} if is_header else {self._spelling: text}
        with ExecutionStream(world.sse, "agents", "counted", mint(tenant), last=text if is_header else None, **query) as stream:
            number = whole(text)
            want = (200,) if number is not None and number < 2**62 or not text else (200, 400)
            if stream.status not in want:
                raise Improper(f"answered with {stream.status} instead of {want}")
            if stream.status == 200:
                first = stream.next()
                if number and first[1] != "stream.gap":
                    raise Improper(f"a number that no event has is answered with {first}")


def publish_run(world, tenant, agent, run):
    """An execution of two events."""
    events = [("progress", {"progress": 0.5}), ("complete", {"result": "done"})]
    body = [{"type": type, "tenant": tenant, "execution": run, "payload": payload} for type, payload in events]
    answer = world.call(
        world.producer, "POST", f"/v1/executions/agents/{agent}/events", token=producer_token(), content=as_json(body),
        content_type="application/json",
    )  # fmt: skip
    expect(answer, 202, about="the next execution of that agent is ")


class BusNumber(NumberDoor):
    """A header of a message of an execution. Whatever it is, the agent's next execution goes on, and its stream is answered."""

    def __init__(self, header):
        self.name, self._header = f"header {header} on the bus", header

    def offer(self, world, text, tenant):
        agent = f"agent-{new_mark()}"
        fields = {"ce-type": "failed", "causeway-execution": "first", "causeway-number": "1"} | {self._header: text}
        world.bus.publish(f"executions.{tenant}.agents.{agent}", b'{"error":"e"}', fields)
        with ExecutionStream(world.sse, "agents", agent, mint(tenant)) as stream:
            if stream.status not in (200, 404):
                raise Improper(f"the stream of such an execution is {stream.status}")
            if stream.status == 200:
                stream.rest()
        publish_run(world, tenant, agent, "second")
        with ExecutionStream(world.sse, "agents", agent, mint(tenant)) as stream:
            types = [type for _, type, _ in stream.rest()]
            if types != ["progress", "complete"]:
                raise Improper(f"the next execution of that agent is shown as {types}")


class IntakeTime(NumberDoor):
    """`causeway-intake` of an event on the bus: used or passed over, and what follows is delivered."""

    name = "header causeway-intake on the bus"

    def offer(self, world, text, tenant):
        with NotificationStream().connect(world.sse, mint(tenant)) as client:
            client.next()
            world.bus.publish(f"events.{tenant}.doors.intake", b"{}", {"causeway-intake": text})
            world.stack.intake.publish({"type": "doors.after", "tenant": tenant, "payload": {}})
            while client.next_event().type != "doors.after":
                pass


class TokenNumber(NumberDoor):
    """A time in a token: at every service, and on a stream that stays open with it."""

    def __init__(self, claim):
        self.name, self._claim = f"claim {claim}", claim

    def offer(self, world, text, tenant):
        times = {"exp": "4000000000"} | {self._claim: text or '""'}
        claims = json.dumps({"sub": "usr_1", "tenant_id": tenant, "roles": ["admin", "member"]})
        claims = claims[:-1] + "".join(f',"{name}":{value}' for name, value in times.items()) + "}"
        token = sign(claims.encode())

        offer = Offer(TENANT, tenant, tenant, new_mark())
        verdicts = {door.name: type(door.ask(world, token, offer)).__name__ for door in TOKENS}
        if len(set(verdicts.values())) != 1:
            raise Improper(f"the services disagree: {verdicts}")
        with SSEConnection(world.sse.url + NotificationStream.path, token=token) as stream:
            if stream.status not in (200, 401):
                raise Improper(f"the stream is {stream.status}")
        is_accepted = Accepted.__name__ in verdicts.values()
        if is_accepted and self._claim == "exp" and text in ("-1", "0", "1e3", ""):
            raise Improper("a token that has expired, or has no expiry, is accepted")
        if is_accepted and self._claim != "exp" and (whole(text) or 0) >= 2**31:
            raise Improper("a token of the future is accepted")


class WaitParameter(NumberDoor):
    name = "wait of an execution stream"

    def offer(self, world, text, tenant):
        url = world.sse.url + f"/api/streaming/agents/nobody/stream?wait={text}"
        with SSEConnection(url.partition("?")[0], token=mint(tenant), query={"wait": text}) as stream:
            if stream.status not in ((400,) if text else (200, 400, 404)):
                raise Improper(f"answered with {stream.status}")


class PollParameter(NumberDoor):
    """A number of a long poll's query: used, or refused with a message that names it."""

    def __init__(self, name, most):
        self.name, self._name, self._numbers = f"{name} of the long poll", name, range(1 if name == "limit" else 0, most + 1)

    def offer(self, world, text, tenant):
        # An unknown cursor is answered immediately, for any `wait`.
        query = {"last_event_id": "none", self._name: text}
        with SSEConnection(world.sse.url + LongPoll.path, token=mint(tenant), query=query) as response:
            body = response.body()
            if response.status != (200 if whole(text) in self._numbers else 400):
                raise Improper(f"answered with {response.status} {body[:200]!r}")
            if response.status == 400 and not json.loads(body)["message"].startswith(f"{self._name}: "):
                raise Improper(f"refused without a word of it: {body!r}")


class RPCID(NumberDoor):
    """The id of a request comes back as it was written."""

    name = "id of a JSON-RPC request"

    def offer(self, world, text, tenant):
        written = text or '""'
        with RelayClient(world.relay, mint(tenant)) as client:
            client.ws.send_text(f'{{"jsonrpc":"2.0","method":"ping","id":{written}}}')
            said = client.ws.next_text()
            if f'"id":{written}' not in said.replace('": ', '":') or '"pong":true' not in said:
                raise Improper(f"answered with {said}")


class PayloadNumber(NumberDoor):
    """A number of a payload is passed through as it was written, on the notification stream."""

    name = "number in a payload"

    def offer(self, world, text, tenant):
        written = text or "0.0"
        body = f'{{"type":"doors.number","tenant":"{tenant}","payload":{{"number":{written}}}}}'
        with NotificationStream().connect(world.sse, mint(tenant)) as client:
            client.next()
            answer = world.stack.intake.post(body.encode())
            expect(answer, 202)
            block = client.sse.next_block()
            if f'"number":{written},' not in block.data:
                raise Improper(f"delivered as {block.data}")


class ExecutionPayloadNumber(NumberDoor):
    """`progress` has a range; `duration` is what it is."""

    name = "numbers of an execution's payload"

    def offer(self, world, text, tenant):
        for type, member in (("progress", "progress"), ("complete", "duration")):
            body = f'{{"type":"{type}","tenant":"{tenant}","payload":{{"{member}":{text or "null"}}}}}'
            answer = world.call(
                world.producer, "POST", f"/v1/executions/agents/agent-{new_mark()}/events", token=producer_token(), content=body.encode(),
                content_type="application/json",
            )  # fmt: skip
            expect(answer, 202, 400)


class ContentLength(NumberDoor):
    """The length that a request says its body has. The body itself never comes."""

    def __init__(self, name, service_of, path):
        self.name, self._service_of, self._path = f"Content-Length at the {name}", service_of, path

    def offer(self, world, text, tenant):
        token = producer_token() if "producer" in self._service_of(world).name else mint(tenant, roles=("admin",))
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {text}\r\nConnection: close\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self._service_of(world).http_port), timeout=15) as connection:
            connection.sendall(head.encode())
            answer = b""
            while b"\r\n\r\n" not in answer and (data := connection.recv(65536)):
                answer += data
        if not answer.startswith(b"HTTP/1.1 4"):
            raise Improper(f"answered with {answer[:200]!r}")


class FrameLength(NumberDoor):
    """The length that a WebSocket frame says it has."""

    def __init__(self, name, connect):
        self.name, self._connect = f"length of a frame at the {name}", connect

    def carries(self, text):
        return whole(text) is not None and 2**16 <= whole(text) < 2**64

    def offer(self, world, text, tenant):
        with self._connect(world, mint(tenant)) as connection:
            connection.send_bytes(announced(TEXT, whole(text)))
            while not isinstance(message := connection.next(), Close):
                if message is None:
                    raise Improper("the connection was cut without a close frame")
            if message.code not in (1009, 1002):
                raise Improper(f"closed with {message.code} {message.reason}")


def workspace_connection(world, token):
    return WebSocketConnection(world.workspace.url + "/v1/stream", query={"token": token, "workspace": workspace_of(token)})


def relay_connection(world, token):
    return WebSocketConnection(world.relay.url + "/v1/connect", token=token)


class Setting(NumberDoor):
    """A number of the configuration: used, or refused with a message that names it."""

    def __init__(self, key):
        self.name, self._key = f"setting {key}", key

    def offer(self, world, text, tenant):
        environment = {"auth_hs256_secret": SECRET, "nats_url": world.stack.nats.url, self._key: text}
        done = command("sse-edge", "--print-config", **environment)
        said = (done.stdout + done.stderr).decode()
        if done.returncode not in (0, 78) or done.returncode and self._key not in said.lower().replace(".", "_").replace("-", "_"):
            raise Improper(f"exit code {done.returncode}, saying {said[-300:]!r}")


class CommandNumber(NumberDoor):
    """A number of a command line."""

    def __init__(self, program, *words, option):
        self.name, self._words, self._option = f"{program} {words[0]} {option}", (program, *words), option

    def offer(self, world, text, tenant):
        environment = {"auth_hs256_secret": SECRET, "nats_url": world.stack.nats.url}
        done = command(*self._words, f"{self._option}={text}", **environment)
        if done.returncode not in (0, 64, 65, 69, 78):
            raise Improper(f"exit code {done.returncode}, saying {done.stderr[-300:]!r}")
