"""Doors for tenants' events: HTTP in four modes, the command line, the bus (contract §10)."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from .doors import Accepted, EventDoor, Improper, Refused, Sent, event_of, refusal
from .identifiers import EVENT_ID, SOURCE, TENANT, USER, encoded
from .services import command
from .subjects import event_subject
from .tokens import producer_token

EVENTS = "/v1/events"

# Visible ASCII, without `"` and `%`, stands for itself in a CloudEvents header (HTTP binding 1.0.2, §3.1.3.2).
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def header_encoded(text):
    """A text as the value of a CloudEvents header."""
    return quote(text, safe=_PLAIN, errors="surrogateescape")


def as_json(value):
    """JSON as bytes; what is not UTF-8 in the kit's texts goes out as it is."""
    return encoded(json.dumps(value, ensure_ascii=False))


class _HTTPEvents(EventDoor):
    """`POST /v1/events`."""

    def post(self, world, content, *, content_type="application/json", headers=()):
        answer = world.call(
            world.producer, "POST", EVENTS, token=producer_token(), content=content, content_type=content_type, headers=headers
        )
        if answer.status_code == 202:
            if answer.json()["accepted"] != 1:
                raise Improper(f"one event was sent, and the answer is {answer.text}")
            return Accepted()
        return refusal(answer, 400)


class NativeEvents(_HTTPEvents):
    name = "HTTP, native"

    def send(self, world, event):
        return self.post(world, as_json({name: value for name, value in event.items() if name != "source"}))


def cloud_event(event):
    """The CloudEvents JSON form."""
    renamed = {"user": "userid", "payload": "data"}
    return {"specversion": "1.0"} | {renamed.get(name, name): value for name, value in event.items()}


class StructuredEvents(_HTTPEvents):
    name = "HTTP, CloudEvents structured"
    words = {TENANT: r"\btenant\b", USER: "userid", EVENT_ID: r"\bid\b", SOURCE: "source"}

    def send(self, world, event):
        return self.post(world, as_json(cloud_event(event)), content_type="application/cloudevents+json")


class BatchedEvents(StructuredEvents):
    name = "HTTP, CloudEvents batched"

    def send(self, world, event):
        answer = self.post(world, as_json([cloud_event(event)]), content_type="application/cloudevents-batch+json")
        if isinstance(answer, Refused) and "[0]" not in answer.says and not re.search("UTF-8|JSON", answer.says):
            raise Improper(f"the refusal does not say which event of the batch it is about: {answer.says}")
        return answer


class BinaryEvents(_HTTPEvents):
    """Attributes percent-encoded in headers."""

    name = "HTTP, CloudEvents binary"
    words = {TENANT: "ce-tenant", USER: "ce-userid", EVENT_ID: "ce-id", SOURCE: "ce-source"}

    def attribute(self, text):
        return header_encoded(text)

    def send(self, world, event):
        names = {"id": "ce-id", "source": "ce-source", "type": "ce-type", "tenant": "ce-tenant", "user": "ce-userid"}
        headers = [("ce-specversion", "1.0")]
        headers += [(names[name], self.attribute(value)) for name, value in event.items() if name in names]
        return self.post(world, as_json(event["payload"]), headers=headers)


class UnencodedBinaryEvents(BinaryEvents):
    """The bytes of UTF-8 in headers, as clients send them that do not know of percent-encoding."""

    name = "HTTP, CloudEvents binary, not encoded"

    @property
    def takes(self):
        return self.words

    def carries(self, text):
        # Control characters cannot be sent so; quotes and percent signs have a meaning of their own. U+FFFD is refused, since it is what the
        # HTTP library makes of bytes that are not UTF-8: it needs percent-encoding.
        return not any(character < " " or character in '\x7f"%\ufffd' for character in text)

    def attribute(self, text):
        return text


class BusEvents(EventDoor):
    """A message in CloudEvents binary mode. The bus does not refuse it: one that breaks a rule is not an event."""

    name = "bus"
    words = {TENANT: "tenant", USER: "ce-userid", EVENT_ID: "ce-id", SOURCE: "ce-source"}

    def send(self, world, event):
        attributes = {"id": "ce-id", "source": "ce-source", "user": "ce-userid"}
        headers = {"ce-specversion": "1.0", "ce-type": event["type"]}
        headers |= {attributes[name]: header_encoded(value) for name, value in event.items() if name in attributes}
        # A client of the bus trims white space at the ends; an empty value is sent percent-encoded.
        world.bus.publish(event_subject(event["tenant"], event["type"]), as_json(event["payload"]), headers)
        return Sent()


class CommandLineEvents(EventDoor):
    """`event-producer publish` with options, straight to the bus."""

    name = "event-producer publish"
    words = {TENANT: "tenant", USER: "user", EVENT_ID: r"\bid\b"}
    is_costly = True

    @property
    def takes(self):
        return self.words

    def carries(self, text):
        return "\0" not in text

    def send(self, world, event):
        options = ["--type", event["type"], "--payload", json.dumps(event["payload"]), "--tenant", event["tenant"], "--id", event["id"]]
        options += ["--user", event["user"]] if "user" in event else []
        return outcome(command("event-producer", "publish", *options, nats_url=world.stack.nats.url))

    def offer_all(self, world, offers):
        # Each is a process of its own; two at a time.
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda offer: self.attempt(world, offer), offers))


def outcome(done):
    """What a finished program says about what it was given."""
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        return Accepted()
    if done.returncode not in (64, 65, 78) or not said.strip():
        raise Improper(f"exit code {done.returncode}, saying {said[-500:]!r}")
    return Refused(said)


class LineEvents(EventDoor):
    """`event-producer publish`, one event a line on standard input; all lines in one process."""

    name = "event-producer publish, standard input"

    def send(self, world, event):
        raise NotImplementedError("lines are sent together")

    def offer_all(self, world, offers):
        lines = []
        for offer in offers:
            event = event_of(offer)
            event.pop("source")
            lines.append(as_json(event))
        done = command("event-producer", "publish", stdin=b"\n".join(lines) + b"\n", nats_url=world.stack.nats.url)
        said = done.stderr.decode(errors="replace")
        if done.returncode not in (0, 65):
            raise Improper(f"exit code {done.returncode}, saying {said[-500:]!r}")
        refused = {int(number): text for number, text in re.findall(r"line (\d+): (.*)", said)}
        answers = [Refused(refused[number]) if number in refused else Accepted() for number in range(1, len(offers) + 1)]
        if len(done.stdout.splitlines()) != answers.count(Accepted()):
            raise Improper(f"{len(done.stdout.splitlines())} events are reported as stored, {answers.count(Accepted())} were not refused")
        return answers
