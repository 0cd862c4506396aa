"""Doors for JSON: each refuses malformed JSON in its own form."""

import json
from abc import ABC, abstractmethod

from .doors import Accepted, Improper, Refused, Sent, new_mark, refusal
from .event_doors import outcome
from .executions import ExecutionStream
from .identifiers import encoded
from .relay import RelayClient
from .services import command
from .surfaces import NotificationStream
from .tokens import SECRET, mint, producer_token, sign
from .websocket import TEXT, Close

SPOT = '"@spot@"'


def _inside(value):
    """A document with that JSON where the door takes any value."""
    return lambda document: document.replace(SPOT, value)


def _member_twice(document):
    """The outermost object has its first member again as its last one."""
    start = document.index("{")
    end = document.rindex("}")
    name, value = next(iter(json.loads(document[start : end + 1]).items()))
    return f"{document[:end]},{json.dumps(name)}:{json.dumps(value)}{document[end:]}"


#: Faults: each is a function of a valid document's text, in which one spot stands for any value.
MALFORMED = {
    "a member twice at the top": _member_twice,
    "a member twice inside": _inside('{"a":1,"a":2}'),
    "a member twice deep inside": _inside('[[{"b":{"a":1,"c":{},"a":2}}]]'),
    "a member twice in two spellings": _inside('{"a":1,"\\u0061":2}'),
    "half a surrogate pair": _inside('"\\ud800"'),
    "the other half": _inside('"\\udc00 \\ud83d"'),
    "half a surrogate pair in a name": _inside('{"\\udfff":1}'),
    "depth 1,000": _inside("[" * 1000 + "]" * 1000),
    "objects 1,000 deep": _inside('{"a":' * 1000 + "1" + "}" * 1000),
    "a byte order mark": lambda document: "\ufeff" + document,
    "invalid UTF-8": _inside('"\udcff"'),
    "a surrogate in UTF-8": _inside('"\udced\udca0\udc80"'),
    "overlong UTF-8": _inside('"\udcc0\udcaf"'),
    "a control character in a string": _inside('"a\nb"'),
    "something behind it": lambda document: document + " x",
    "itself behind it": lambda document: document + document,
    "nothing": lambda document: "",
    "white space alone": lambda document: "  ",
    "NaN": _inside("NaN"),
    "a leading zero": _inside("01"),
    "a trailing comma": _inside('{"a":1,}'),
    "a comment": _inside("1/**/"),
}
#: Valid variants that must be accepted, so that refusals are due to the fault only.
SOUND = {
    "a plain value": _inside('{"a":1,"b":[{"a":1},{"a":1}]}'),
    "a whole surrogate pair": _inside('"\\ud83d\\ude80"'),
    "white space around it": lambda document: f" {document} ",
    "names that only look alike": _inside('{"caf\u00e9":1,"cafe\u0301":1}'),
}


def made(change, document):
    """The bytes of a document, changed."""
    return encoded(change(document).replace(SPOT, "0"))


class JSONDoor(ABC):
    """A place where JSON enters."""

    name: str

    @abstractmethod
    def document(self, tenant):
        """A valid document, with `SPOT` where any value may be."""

    @abstractmethod
    def offer(self, world, body, tenant):
        """Returns `Accepted`, `Refused`, or `Sent` if the door cannot refuse it."""

    def carries(self, name):
        """Whether that fault can be sent here."""
        return True

    def attempt(self, world, body, tenant):
        try:
            return self.offer(world, body, tenant)
        except (AssertionError, OSError) as improper:
            return Improper(str(improper) or repr(improper))

    def __repr__(self):
        return self.name


class HTTPBody(JSONDoor):
    """A request with a body. `found`: the statuses of an accepted one."""

    def __init__(self, name, document, target, *, service="producer", content_type="application/json", headers=(), found=(202,), roles=None):
        self.name = f"body, {name}"
        self._document, self._target, self._service = document, target, service
        self._content_type, self._headers, self._found, self._roles = content_type, headers, found, roles

    def document(self, tenant):
        # A new id each time: the same one with other content is a conflict.
        return self._document.replace("@tenant@", tenant).replace("@id@", f"json-{new_mark()}")

    def offer(self, world, body, tenant):
        body = body.replace(b"@cursor@", world.beginning.encode())
        token = mint(tenant, roles=self._roles) if self._roles else producer_token(tenant)
        answer = world.call(
            getattr(world, self._service), "POST", self._target.replace("@mark@", str(new_mark())), token=token, content=body,
            headers=[(name, value.replace("@mark@", str(new_mark()))) for name, value in self._headers], content_type=self._content_type,
        )  # fmt: skip
        # Some malformed documents are too long too.
        return Accepted() if answer.status_code in self._found else refusal(answer, 400, 413)


_DATA = f'{{"n":1,"free":{SPOT}}}'
_CLOUD_EVENT = f'{{"specversion":"1.0","id":"@id@","source":"/doors","type":"doors.json","tenant":"@tenant@","data":{_DATA}}}'


class StrictBody(HTTPBody):
    """A request whose body has known members alone: nowhere in it may be any value."""

    def carries(self, name):
        return name in (
            "white space around it", "a member twice at the top", "a byte order mark", "something behind it", "itself behind it", "nothing",
            "white space alone",
        )  # fmt: skip


class RelayMessage(JSONDoor):
    name = "message of the relay"

    def document(self, tenant):
        return f'{{"jsonrpc":"2.0","method":"ping","id":1,"params":{{"free":{SPOT}}}}}'

    def offer(self, world, body, tenant):
        with RelayClient(world.relay, mint(tenant)) as client:
            client.ws.send(TEXT, body)
            message = client.ws.next()
            if isinstance(message, Close):
                if message.code != 1007:
                    raise Improper(f"closed with {message.code} {message.reason}")
                return Refused(message.reason)
            answer = json.loads(message.text)
            if "result" in answer:
                return Accepted()
            if answer["error"]["code"] not in (-32700, -32600) or answer["id"] not in (None, 1):
                raise Improper(f"answered with {answer}")
            return Refused(answer["error"]["message"])


class TokenPart(JSONDoor):
    """The claims, or the header, of a token that is signed well."""

    def __init__(self, part):
        self.name, self._part = f"{part} of a token", part

    @staticmethod
    def _claims(tenant):
        return f'{{"sub":"usr_1","tenant_id":"{tenant}","roles":["member"],"exp":4000000000,"free":{SPOT}}}'

    def document(self, tenant):
        return f'{{"alg":"HS256","typ":"JWT","free":{SPOT}}}' if self._part == "header" else self._claims(tenant)

    def offer(self, world, body, tenant):
        token = sign(self._claims(tenant).replace(SPOT, "0").encode(), header=body) if self._part == "header" else sign(body)
        answer = world.call(world.sse, "HEAD", NotificationStream.path, token=token)
        if answer.status_code == 200:
            return Accepted()
        return refusal(world.call(world.sse, "GET", NotificationStream.path, token=token), 401)


class BusBody(JSONDoor):
    """The body of a message: what is malformed is no event."""

    def __init__(self, name, subject, headers):
        self.name, self._subject, self._headers = name, subject, headers

    def document(self, tenant):
        return f'{{"n":1,"progress":0.5,"free":{SPOT}}}'

    def offer(self, world, body, tenant):
        mark = str(new_mark())
        headers = {name: value.replace("@mark@", mark) for name, value in self._headers.items()}
        subject = self._subject.replace("@tenant@", tenant).replace("@mark@", mark)
        world.bus.publish(subject, body, headers)
        if subject.startswith("executions."):
            # Executions are read only while they have viewers.
            return self._as_shown(world, subject.split(".")[3], tenant)
        return Sent()

    @staticmethod
    def _as_shown(world, agent, tenant):
        with ExecutionStream(world.sse, "agents", agent, mint(tenant)) as stream:
            if stream.status == 404:
                return Refused("no event, and so no execution")
            if stream.status != 200 or stream.next() is None:
                raise Improper(f"the stream of such an execution is {stream.status}")
            return Accepted()


class PublishedLine(JSONDoor):
    """`event-producer publish`: a line of standard input."""

    name = "line of event-producer publish"

    def document(self, tenant):
        return f'{{"type":"doors.json","tenant":"{tenant}","payload":{_DATA}}}'

    def carries(self, name):
        # Empty lines are no lines; a line break begins another one.
        return name not in ("nothing", "white space alone", "a control character in a string")

    def offer(self, world, body, tenant):
        return outcome(command("event-producer", "publish", stdin=body + b"\n", nats_url=world.stack.nats.url))


class PublishedPayload(JSONDoor):
    """`event-producer publish --payload`."""

    name = "--payload of event-producer publish"

    def document(self, tenant):
        return _DATA

    def offer(self, world, body, tenant):
        options = ["--type", "doors.json", "--tenant", tenant]
        # Bytes that are not UTF-8 pass through a command line as they are.
        payload = body.decode("utf-8", "surrogateescape")
        return outcome(command("event-producer", "publish", *options, f"--payload={payload}", nats_url=world.stack.nats.url))


class ConfigurationFile(JSONDoor):
    """A file of settings in JSON. It is read as YAML, which knows comments and needs no quotes."""

    name = "configuration file"

    def document(self, tenant):
        return f'{{"http.port":8081,"log.level":"info","auth.issuer":{SPOT}}}'

    def carries(self, name):
        return name in (
            "white space around it", "a member twice at the top", "invalid UTF-8", "half a surrogate pair",
            "depth 1,000", "something behind it",
        )  # fmt: skip

    def offer(self, world, body, tenant):
        file = world.stack.directory / f"settings-{new_mark()}.json"
        file.write_bytes(body)
        return outcome(command("sse-edge", "--config", file, "--print-config", auth_hs256_secret=SECRET))


JSON_DOORS = [
    HTTPBody("native", f'{{"type":"doors.json","tenant":"@tenant@","payload":{_DATA}}}', "/v1/events"),
    HTTPBody("native array", f'[{{"type":"doors.json","tenant":"@tenant@","payload":{_DATA}}}]', "/v1/events"),
    HTTPBody("structured", _CLOUD_EVENT, "/v1/events", content_type="application/cloudevents+json"),
    HTTPBody("batched", f"[{_CLOUD_EVENT}]", "/v1/events", content_type="application/cloudevents-batch+json"),
    HTTPBody(
        "binary", _DATA, "/v1/events",
        headers=[("ce-specversion", "1.0"), ("ce-id", "b-@mark@"), ("ce-source", "/doors"), ("ce-type", "doors.json")],
    ),
    HTTPBody(
        "executions", f'{{"type":"progress","payload":{{"progress":0.5,"free":{SPOT}}}}}', "/v1/executions/agents/json-@mark@/events"
    ),
    HTTPBody(
        "decision", f'{{"action":"approve","free":{SPOT}}}', "/v1/notifications/approvals/nothing", service="approvals", found=(404,),
        roles=("admin",),
    ),
    HTTPBody(
        "marking all as read", f'{{"cursor":"@cursor@","free":{SPOT}}}', "/v1/notifications/read", service="approvals", found=(200,),
        roles=("member",),
    ),
    StrictBody(
        "replay of webhooks", '{"since":"2024-04-01T14:32:10Z"}', "/v1/webhooks/nothing/replay", service="webhooks", found=(404,),
        roles=("admin",),
    ),
    StrictBody(
        "one event again", '{"event":"evt_01HX9VTPQR0080000000000041"}', "/v1/webhooks/nothing/resend", service="webhooks", found=(404,),
        roles=("admin",),
    ),
    RelayMessage(), TokenPart("claims"), TokenPart("header"),
    BusBody("bus", "events.@tenant@.doors.json", {}),
    BusBody("bus, executions", "executions.@tenant@.agents.json-@mark@", {
        "ce-type": "progress", "causeway-execution": "run-@mark@", "causeway-number": "1",
    }),
    PublishedLine(), PublishedPayload(), ConfigurationFile(),
]  # fmt: skip
