"""The ways in that store nothing: tokens, handshakes, JSON-RPC, paths of approvals."""

import json

import jwt

from .doors import Accepted, Door, Improper, Refused, refusal
from .event_doors import as_json, outcome
from .execution_doors import segment
from .identifiers import APPROVAL, INCIDENT, TENANT, USER, encoded, fault, look_alikes
from .relay import Relay, RelayClient
from .services import command
from .surfaces import NotificationStream
from .tokens import SECRET, mint, sign
from .websocket import Close, WebSocketConnection
from .workspace import WorkspaceStream


class TokenClaims(Door):
    """`sub` and the tenant's claim, at one of the services."""

    takes = {TENANT: "tenant", USER: "sub"}
    stores = False

    def __init__(self, service, ask):
        self.name = f"token at the {service}"
        self.ask = ask

    def offer(self, world, offer):
        claims = {"sub": "usr_1", "tenant_id": offer.tenant, "roles": ["member", "admin"], "exp": 4_000_000_000}
        claims["sub" if offer.identifier == USER else "tenant_id"] = offer.text
        return self.ask(world, sign(as_json(claims)), offer)


def _at_intake(world, token, offer):
    # No body: a token that is accepted is a 400 that speaks of the body, which comes second.
    answer = world.call(world.producer, "POST", "/v1/events", token=token, content_type="application/json")
    return Accepted() if answer.status_code == 400 else refusal(answer, 401)


def _at_notification_stream(world, token, offer):
    # HEAD judges as GET does; a refusal of it has no text, so it is asked for again.
    if world.call(world.sse, "HEAD", NotificationStream.path, token=token).status_code == 200:
        return Accepted()
    return refusal(world.call(world.sse, "GET", NotificationStream.path, token=token), 401)


def _at_list(world, token, offer):
    answer = world.call(world.approvals, "GET", "/v1/notifications?limit=1", token=token)
    return Accepted() if answer.status_code == 200 else refusal(answer, 401)


def _at_relay(world, token, offer):
    answer = world.call(world.relay, "GET", "/v1/relay/status", token=token)
    return Accepted() if answer.status_code == 200 else refusal(answer, 401)


def _at_workspace_stream(world, token, offer):
    workspace = offer.text if offer.identifier == TENANT else offer.tenant
    said = _workspace(world, token, workspace)
    if isinstance(said, Close):
        if said.code != 4401:
            raise Improper(f"closed with {said.code} {said.reason}")
        return Refused(said.reason)
    user = offer.text if offer.identifier == USER else "usr_1"
    if said["payload"] != {"workspace_id": workspace, "user_id": user}:
        raise Improper(f"connected as somebody else: {said}")
    return Accepted()


def _workspace(world, token, workspace):
    """What a handshake of the workspace stream is answered with: a `Close`, or the frame `connected`."""
    with WebSocketConnection(world.workspace.url + f"{WorkspaceStream.path}?workspace={segment(workspace)}", token=token) as connection:
        if connection.status != 101:
            raise Improper(f"{connection.status} {connection.body()!r}")
        message = connection.next()
        return message if isinstance(message, Close) else json.loads(message.text)


TOKENS = [
    TokenClaims("intake", _at_intake),
    TokenClaims("notification stream", _at_notification_stream),
    TokenClaims("notification list", _at_list),
    TokenClaims("relay", _at_relay),
    TokenClaims("workspace stream", _at_workspace_stream),
]


def others(offer):
    """Tenants that are not the one that is offered, although some look like it."""
    return {offer.tenant} | {text for text in look_alikes(offer.text) if fault(TENANT, text) is None}


class WorkspaceQuery(Door):
    """`workspace=`: accepted where it is the token's tenant, byte for byte."""

    name = "query of the workspace stream"
    takes = {TENANT: "workspace"}
    stores = False

    def offer(self, world, offer):
        if fault(TENANT, offer.text) is None:
            said = _workspace(world, mint(offer.text), offer.text)
            if isinstance(said, Close) or said["payload"]["workspace_id"] != offer.text:
                raise Improper(f"the workspace of its token is answered with {said}")
            for name in others(offer):
                other = _workspace(world, mint(name), offer.text)
                if not isinstance(other, Close) or other.code != 4003:
                    raise Improper(f"another workspace than that of the token, {name!r}, is answered with {other}")
            return Accepted()
        said = _workspace(world, mint(offer.tenant), offer.text)
        if not isinstance(said, Close) or said.code != 4003:
            raise Improper(f"a workspace that cannot be is answered with {said}")
        return Refused(said.reason)


class TenantHeader(Door):
    """`X-Tenant-Id` of the relay: accepted where it is the token's tenant, byte for byte."""

    name = "X-Tenant-Id of the relay"
    takes = {TENANT: "tenant"}
    stores = False

    def carries(self, text):
        # U+FFFD is refused, since it is what the HTTP library makes of bytes that are not UTF-8.
        return not any(character < " " or character in "\x7f\ufffd" for character in text)

    def _shake_hands(self, world, token, text):
        # The header's bytes are UTF-8; the kit's WebSocket client writes its head as text, in which those bytes are these characters.
        with WebSocketConnection(world.relay.url + Relay.path, token=token, headers={"X-Tenant-Id": text}) as connection:
            if connection.status == 101:
                return json.loads(connection.next_text())["params"]["tenantId"]
            answer = json.loads(connection.body())
            if connection.status not in (400, 403):
                raise Improper(f"{connection.status} {answer}")
            return Refused(answer["message"])

    def offer(self, world, offer):
        if fault(TENANT, offer.text) is None:
            if (said := self._shake_hands(world, mint(offer.text), offer.text)) != offer.text:
                raise Improper(f"the tenant of its token is answered with {said}")
            for name in others(offer):
                if not isinstance(said := self._shake_hands(world, mint(name), offer.text), Refused):
                    raise Improper(f"another tenant than that of the token, {name!r}, is answered with {said}")
            return Accepted()
        said = self._shake_hands(world, mint(offer.tenant), offer.text)
        if not isinstance(said, Refused):
            raise Improper(f"a tenant that cannot be is answered with {said}")
        return said


class RelayParams(Door):
    """`incidentId` of the subscription methods: echoed where it is accepted."""

    name = "params of the relay"
    takes = {INCIDENT: "incidentId"}
    stores = False

    def carries(self, text):
        # Text that is not UTF-8 closes the connection (1007), whatever it says.
        return encoded(text) == text.encode("utf-8", "replace")

    def offer_all(self, world, offers):
        with RelayClient(world.relay, mint(offers[0].tenant)) as client:
            self._client = client
            return super().offer_all(world, offers)

    def offer(self, world, offer):
        client = self._client
        answers = set()
        for family in ("investigation", "remediation"):
            said = client.call(f"{family}.subscribe", {"incidentId": offer.text})
            if "result" in said:
                if said["result"]["incidentId"] != offer.text:
                    raise Improper(f"subscribed to another incident: {said}")
                client.result(f"{family}.unsubscribe", {"incidentId": offer.text})
                answers.add(Accepted())
            else:
                if said["error"]["code"] != -32602:
                    raise Improper(f"an identifier that cannot be is answered with {said}")
                if client.error(f"{family}.unsubscribe", {"incidentId": offer.text}) not in (-32602, -32002):
                    raise Improper("unsubscribing says something else than subscribing")
                error = said["error"]
                answers.add(Refused(f"{error['message']} {error.get('data', '')}"))
        if len({type(answer) for answer in answers}) != 1:
            raise Improper(f"the families disagree: {answers}")
        return answers.pop()


class WebhookUser(Door):
    """The user of a webhook endpoint, changed at one that does not exist."""

    name = "user of a webhook"
    takes = {USER: "user"}
    stores = False

    def offer(self, world, offer):
        answer = world.call(
            world.webhooks, "PATCH", "/v1/webhooks/nothing", token=mint(offer.tenant, roles=("admin",)),
            content=as_json({"user": offer.text}), content_type="application/json",
        )  # fmt: skip
        return Accepted() if answer.status_code == 404 else refusal(answer, 400)


class ApprovalPath(Door):
    """The path of an approval, to look and to decide."""

    name = "path of an approval"
    takes = {APPROVAL: "approval"}
    stores = False

    def offer(self, world, offer):
        target = f"/v1/notifications/approvals/{segment(offer.text)}"
        token = mint(offer.tenant, roles=("admin",))
        answers = [
            world.call(world.approvals, "GET", target, token=token),
            world.call(world.approvals, "POST", target, token=token, content=b'{"action":"approve"}', content_type="application/json"),
        ]
        if not offer.text:
            # That is the path of the list, or of nothing.
            assert all(answer.status_code in (200, 400, 404, 405) for answer in answers), answers
            return Refused("approval")
        said = {}
        for answer in answers:
            refused = refusal(answer, 400, 404)
            said[answer.status_code] = Accepted() if answer.status_code == 404 else refused
        if len(said) != 1:
            raise Improper(f"looking and deciding are answered differently: {said}")
        return next(iter(said.values()))


class TokenCommand(Door):
    """`causeway token`: what it mints says what it was given."""

    name = "causeway token"
    takes = {TENANT: "tenant", USER: "user"}
    stores = False
    is_costly = True

    def carries(self, text):
        return "\0" not in text

    def offer(self, world, offer):
        given = {TENANT: offer.tenant, USER: "usr_1"} | {offer.identifier: offer.text}
        done = command("causeway", "token", "--tenant", given[TENANT], "--user", given[USER], auth_hs256_secret=SECRET)
        answer = outcome(done)
        if answer == Accepted():
            claims = jwt.decode(done.stdout.strip().decode(), options={"verify_signature": False})
            if (claims["tenant_id"], claims["sub"]) != (given[TENANT], given[USER]):
                raise Improper(f"a token for somebody else: {claims}")
        return answer
