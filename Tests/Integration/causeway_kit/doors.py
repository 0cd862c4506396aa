"""The ways in, seen alike: `Door` is for what enters what `Surface` is for what leaves.

A door is any place at which something enters: an HTTP body, a header, a query, a path, a WebSocket message, a token, a command line, the
configuration, a message on the bus. A rule of the contract holds at every door, so it is written once (`test_doors.py`) and tried at every door.
A new door adds a class and an entry to `every_door.DOORS`.
"""

import itertools
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

import httpx

from .approvals import approval_service
from .identifiers import APPROVAL, EVENT_ID, INCIDENT, INCIDENT_OF_APPROVAL, REMEDIATION, SOURCE, TENANT, USER, encoded
from .identity_provider import IdentityProvider
from .relay import Relay
from .surfaces import NotificationStream
from .workspace import WorkspaceStream


class Improper(AssertionError):
    """An answer that no input may cause: a 5xx, a form that the contract does not know, a connection that is cut without a word."""


@dataclass(frozen=True)
class Accepted:
    """It went in."""


@dataclass(frozen=True)
class Refused:
    """It did not go in, and this was said."""

    says: str


@dataclass(frozen=True)
class Sent:
    """It is on the bus, where nobody can refuse it; `messages`: how many messages are counted as no events if it is none."""

    messages: int = 1


@dataclass(frozen=True)
class Offer:
    """One value for one identifier. `mark`: a number that is in what is sent and that nothing else has."""

    identifier: object
    text: str
    tenant: str
    mark: int


_marks = itertools.count(1)


def new_mark():
    return next(_marks)


class World:
    """One deployment with every service, and a client for each."""

    def __init__(self, stack):
        self.stack = stack
        self.bus = stack.bus
        self.producer = stack.producer
        self.provider = IdentityProvider(stack.directory)
        self.approvals = approval_service(stack, **self.provider.settings)
        self.sse, self.workspace, self.relay = (
            stack.start(surface.executable) for surface in (NotificationStream, WorkspaceStream, Relay)
        )
        self.webhooks = stack.start("webhook-dispatcher")
        self.services = [self.producer, self.approvals, self.sse, self.workspace, self.relay, self.webhooks]
        for service in self.services:
            service.wait_ready()
        self._clients = {}
        #: The cursor of the log's first event.
        self.beginning = stack.intake.publish({"type": "doors.begin", "tenant": "doors", "payload": {}})[0]

    def call(self, service, method, target, *, token=None, headers=(), content=b"", content_type=None):
        """One request whose target and header values go out byte for byte."""
        if service.name not in self._clients:
            self._clients[service.name] = httpx.Client(timeout=15, base_url=service.url, verify=False)
        client = self._clients[service.name]
        fields = [(encoded(name), encoded(value)) for name, value in headers]
        fields += [] if token is None else [(b"Authorization", f"Bearer {token}".encode())]
        fields += [] if content_type is None else [(b"Content-Type", content_type.encode())]
        request = client.build_request(method, "/", headers=fields, content=content)
        request.extensions["target"] = encoded(target)
        return client.send(request)

    def close(self):
        for client in self._clients.values():
            client.close()

    def expect_health(self):
        """Checks that every process runs, answers, and has not crashed."""
        self.stack.check()
        for service in self.services:
            for path in ("/healthz", "/readyz"):
                answer = httpx.get(service.admin_url + path, timeout=5)
                assert answer.status_code == 200, f"{service.name}: {path} is {answer.status_code} {answer.text}"


#: The codes of an error by its status (contract §1).
CODES = {400: "validation_error", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "payload_too_large"}


def refusal(response, *statuses):
    """The `Refused` that an HTTP answer is. Its status must be one of those, and its form that of every error (contract §1)."""
    about = f"{response.status_code} {response.text[:300]}"
    if response.status_code not in statuses:
        raise Improper(f"answered with {about} instead of {' or '.join(map(str, statuses))}")
    try:
        body = response.json()
    except ValueError:
        raise Improper(f"a refusal that is no JSON: {about}") from None
    if set(body) != {"error", "message"} or not body["message"] or "x-request-id" not in response.headers:
        raise Improper(f"a refusal of another form: {about}, {dict(response.headers)}")
    if body["error"] != CODES.get(response.status_code, body["error"]):
        raise Improper(f"a refusal with the wrong code: {about}")
    return Refused(body["message"])


class Door(ABC):
    """A place where input enters."""

    name: str
    #: The identifiers that enter here, and a pattern for what a refusal calls each of them.
    takes: dict
    #: Whether values that were accepted can be found again on a surface; else it only asks for what may be there.
    stores = True
    #: Whether a value costs a process.
    is_costly = False

    def carries(self, text):
        """Whether the door can transport that text: a command line cannot contain NUL."""
        return True

    def names(self, identifier, text):
        """A pattern that a refusal of that text must match."""
        if encoded(text) != text.encode("utf-8", "replace"):
            # Text that is not UTF-8 may be refused before its field is known.
            return f"UTF-8|{self.takes[identifier]}"
        return self.takes[identifier]

    @abstractmethod
    def offer(self, world, offer):
        """Sends it to the door: `Accepted`, `Refused` or `Sent`. Raises `Improper` for any other response."""

    def attempt(self, world, offer):
        """The answer to an offer; an `Improper` one is returned like any other."""
        try:
            return self.offer(world, offer)
        except (AssertionError, OSError, httpx.HTTPError) as improper:
            return Improper(repr(improper) if not isinstance(improper, Improper) else str(improper))

    def offer_all(self, world, offers):
        """The answer to each of many offers."""
        return [self.attempt(world, offer) for offer in offers]

    def __repr__(self):
        return self.name


def speaks_of(pattern, answer):
    return re.search(pattern, answer.says, re.IGNORECASE) is not None


# MARK: Events


def event_of(offer):
    """An event in the kit's own form, with the value where its identifier belongs."""
    mark, text = offer.mark, offer.text
    event = {"type": "doors.tried", "tenant": offer.tenant, "id": f"door-{mark}", "source": "/doors", "payload": {"n": mark}}
    requested = {"approvalId": f"apr_{mark}", "remediationId": f"rem_{mark}", "incidentId": f"inc_{mark}", "title": "Restart it"}
    if offer.identifier == INCIDENT:
        event["type"] = "investigation.progress"
        event["payload"] |= {"incidentId": text, "message": "m", "agentName": "a"}
    elif offer.identifier in (APPROVAL, REMEDIATION, INCIDENT_OF_APPROVAL):
        event["type"] = "approval.requested"
        event["payload"] |= requested | {offer.identifier.name.split()[0]: text}
    else:
        event[{TENANT: "tenant", USER: "user", EVENT_ID: "id", SOURCE: "source"}[offer.identifier]] = text
    return event


class EventDoor(Door):
    """A door for tenants' events: all identifiers that events have."""

    #: What the members of an event are called here.
    words = {TENANT: r"\btenant\b", USER: r"\buser", EVENT_ID: r"\bid\b"}

    @property
    def takes(self):
        inside = {
            identifier: identifier.name.split()[0] for identifier in (INCIDENT, APPROVAL, REMEDIATION, INCIDENT_OF_APPROVAL)
        }
        return self.words | inside

    def offer(self, world, offer):
        return self.send(world, event_of(offer))

    @abstractmethod
    def send(self, world, event):
        """Sends an event of `event_of`'s form."""
