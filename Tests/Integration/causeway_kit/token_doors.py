"""Every door at which a token stands for its user (contract §1, §13)."""

import json

from .doors import Accepted, Improper, Refused, refusal
from .relay import Relay, request
from .surfaces import NotificationStream
from .tokens import mint
from .websocket import Close, WebSocketConnection
from .workspace import WorkspaceStream, workspace_of


class TokenDoor:
    """A place where a token enters."""

    name: str
    roles = ("member",)

    def token(self, tenant, **arguments):
        """A token that is accepted here."""
        return mint(tenant, roles=self.roles, **arguments)

    def offer(self, world, token):
        """`Accepted` when the token is, whatever comes of the request behind it; else `Refused`."""
        raise NotImplementedError

    def __repr__(self):
        return self.name


class TokenOfRequest(TokenDoor):
    """A request that is answered at once."""

    roles = ("admin",)

    def __init__(self, service, method, path, place="header"):
        self.name = f"{method} {path}, {place}"
        self.method, self.path, self._service, self._place = method, path, service, place

    def offer(self, world, token):
        target, header = self.path, token
        if self._place == "query":
            target, header = f"{target}{'&' if '?' in target else '?'}token={token}", None
        answer = world.call(getattr(world, self._service), self.method, target, token=header, content_type="application/json")
        if answer.status_code == 401:
            return refusal(answer, 401)
        if answer.status_code >= 500:
            raise Improper(f"answered with {answer.status_code} {answer.text}")
        return Accepted()


class TokenOfStream(TokenDoor):
    """A stream of server-sent events. HEAD judges as GET does; a refusal of it has no text, so it is asked for again."""

    def __init__(self, path, place):
        self.name = f"stream {path}, {place}"
        self._head, self._get = (TokenOfRequest("sse", method, path, place) for method in ("HEAD", "GET"))

    def offer(self, world, token):
        try:
            return self._head.offer(world, token)
        except Improper:
            return self._get.offer(world, token)


class TokenOfHandshake(TokenDoor):
    """A handshake of a WebSocket. The workspace stream refuses a token by a close frame, the relay by a status."""

    def __init__(self, service, path, place):
        self.name = f"handshake {path}, {place}"
        self._service, self._path, self._place = service, path, place

    def offer(self, world, token):
        query, headers, protocols = {}, {}, ()
        if self._service == "workspace":
            query["workspace"] = workspace_of(token)
        match self._place:
            case "header":
                headers["Authorization"] = f"Bearer {token}"
            case "query":
                query["token"] = token
            case "subprotocol":
                protocols = (f"bearer.{token}",)
        url = getattr(world, self._service).url + self._path
        with WebSocketConnection(url, query=query, headers=headers, protocols=protocols) as connection:
            if connection.status == 401:
                return Refused(json.loads(connection.body())["message"])
            if connection.status != 101:
                raise Improper(f"{connection.status} {connection.body()!r}")
            message = connection.next()
            if not isinstance(message, Close):
                return Accepted()
            if message.code != 4401:
                raise Improper(f"closed with {message.code} {message.reason}")
            return Refused(message.reason)


class TokenOfRenewal(TokenDoor):
    """A renewal on an open connection (contract §13): a token that is not accepted ends it."""

    def __init__(self, service):
        self.name, self._service = f"renewal, {service}", service

    def offer(self, world, token):
        tenant = workspace_of(token)
        service, opening = getattr(world, self._service), self.token(tenant)
        if self._service == "workspace":
            url, query, text = service.url + WorkspaceStream.path, {"workspace": tenant}, json.dumps({"type": "authenticate", "token": token})
        else:
            url, query, text = service.url + Relay.path, {}, request("authenticate", {"token": token}, id="renewal")
        with WebSocketConnection(url, token=opening, query=query) as connection:
            if connection.status != 101:
                raise Improper(f"{connection.status} {connection.body()!r}")
            connection.next_text()
            connection.send_text(text)
            message = connection.next()
            if isinstance(message, Close):
                return Refused(message.reason)
            answer = json.loads(message.text)
            return Refused(answer["error"]["data"]) if "error" in answer else Accepted()


_REQUESTS = [
    ("producer", "POST", "/v1/events"), ("producer", "GET", "/v1/events/evt_01HX9VTPQR0080000000000041"),
    ("producer", "POST", "/v1/executions/agents/doors/events"),
    ("producer", "POST", "/v1/executions/workflows/doors/events"),
    ("approvals", "GET", "/v1/notifications"), ("approvals", "POST", "/v1/notifications/read"),
    ("approvals", "PATCH", "/v1/notifications/doors/read"), ("approvals", "GET", "/v1/notifications/approvals"),
    ("approvals", "GET", "/v1/notifications/approvals/doors"), ("approvals", "POST", "/v1/notifications/approvals/doors"),
    ("approvals", "POST", "/v1/notifications/approvals/doors/consume"),
    ("approvals", "GET", "/v1/approvals/delegations"), ("approvals", "POST", "/v1/approvals/delegations"),
    ("approvals", "DELETE", "/v1/approvals/delegations/doors"),
    ("approvals", "GET", "/v1/tokens/revocations"), ("approvals", "POST", "/v1/tokens/revocations"),
    ("approvals", "POST", "/v1/tickets"), *(("approvals", "GET", f"/v1/admin/{part}") for part in ("connections", "usage", "log")),
    ("webhooks", "GET", "/v1/webhooks"), ("webhooks", "POST", "/v1/webhooks"),
    *(("webhooks", method, "/v1/webhooks/doors") for method in ("GET", "PATCH", "DELETE")),
    *(("webhooks", "POST", f"/v1/webhooks/doors/{action}") for action in ("secret", "test", "replay", "resend", "enable")),
    *(("webhooks", "GET", f"/v1/webhooks/doors/{part}") for part in ("replay", "attempts")),
    ("relay", "GET", "/v1/relay/status"), ("sse", "GET", "/v1/events?wait=0s"),
]  # fmt: skip
#: The doors that answer at once, which docs/openapi.yaml describes.
REQUEST_DOORS = [TokenOfRequest(*request) for request in _REQUESTS]
TOKEN_DOORS = [
    *REQUEST_DOORS, TokenOfRequest("sse", "GET", "/v1/events?wait=0s", "query"),
    *(TokenOfStream(path, place) for path in (NotificationStream.path, "/api/streaming/agents/doors/stream") for place in ("header", "query")),
    *(
        TokenOfHandshake(service, path, place)
        for service, path in (("workspace", WorkspaceStream.path), ("relay", Relay.path))
        for place in ("header", "query", "subprotocol")
    ),
    TokenOfRenewal("workspace"), TokenOfRenewal("relay"),
]  # fmt: skip
