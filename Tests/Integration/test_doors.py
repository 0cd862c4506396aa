"""Every rule about input, tested at every door (contract §0)."""

import json
import re

import httpx
import pytest
import yaml

from causeway_kit import witnesses
from causeway_kit.doors import Accepted, Improper, Offer, Refused, Sent, World, new_mark, speaks_of
from causeway_kit.every_door import at_every_door, at_every_json_door, at_every_number_door, at_every_token_door
from causeway_kit.execution_doors import ExecutionBody, ExecutionCommand, ExecutionMessages
from causeway_kit.executions import ExecutionParser, Executions
from causeway_kit.identifiers import APPROVAL, FEW, fault, values
from causeway_kit.intake import numbered
from causeway_kit.json_doors import MALFORMED, SOUND, made
from causeway_kit.number_doors import NUMBERS, SPELLINGS
from causeway_kit.relay import Relay, RelayClient
from causeway_kit.services import ROOT
from causeway_kit.sizes import IS_DRILL
from causeway_kit.sse import SSEConnection
from causeway_kit.stack import Stack
from causeway_kit.surfaces import Gap, NotificationStream, NotificationStreamConnection, Opened
from causeway_kit.token_doors import REQUEST_DOORS
from causeway_kit.tokens import PROMPT, mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import Close, WebSocketConnection
from causeway_kit.workspace import WorkspaceStream, WorkspaceStreamConnection, workspace_of

SKIPPED = "causeway_feed_skipped_messages_total"


@pytest.fixture(scope="module")
def world():
    """A separate deployment: these tests fill it with unusual names, and examine it at the end."""
    with Stack() as stack:
        world = World(stack)
        try:
            yield world
            world.expect_health()
        finally:
            world.close()


def witness(door, identifier):
    of = witnesses.EXECUTIONS if isinstance(door, ExecutionBody | ExecutionMessages | ExecutionCommand) else witnesses.EVENTS
    return of[identifier]


class Verdicts:
    """Collects failures, so that one run shows all of them. Each line names door, identifier and value."""

    def __init__(self, door, what):
        self._about = f"{door.name}, {what}"
        self._faults = []

    def wrong(self, value, what):
        self._faults.append(f"{self._about}, {value}: {what}")

    def check(self):
        assert not self._faults, f"{len(self._faults)} wrong\n" + "\n".join(self._faults)


def offers_of(door, identifier, tenant):
    """The input for the door, by value."""
    tried = [value for value in values(identifier) if door.carries(value.text)]
    if door.is_costly and not IS_DRILL:
        tried = [value for value in tried if value.name in FEW]
    return {value: Offer(identifier, value.text, tenant, new_mark()) for value in tried}


@at_every_door
def test_an_identifier_is_accepted_or_refused_alike_at_every_door(world, tenant, door, identifier):
    verdicts = Verdicts(door, identifier)
    base = witnesses.base_of(world, tenant)
    skipped = world.sse.metrics()[SKIPPED]
    offers = offers_of(door, identifier, tenant)
    answers = dict(zip(offers, door.offer_all(world, list(offers.values())), strict=True))

    accepted, passed_over = {}, 0
    for value, answer in answers.items():
        why = fault(identifier, value.text)
        match answer:
            case Improper():
                verdicts.wrong(value, answer)
            case Sent(messages):
                accepted |= {value: offers[value]} if why is None else {}
                passed_over += 0 if why is None else messages
            case Accepted() if why is None:
                accepted[value] = offers[value]
            case Accepted():
                verdicts.wrong(value, f"accepted, although it is {why}")
            case Refused(says) if why is None:
                verdicts.wrong(value, f"refused: {says}")
            case Refused(says) if not speaks_of(door.names(identifier, value.text), answer):
                verdicts.wrong(value, f"refused without the field's name ({door.names(identifier, value.text)}): {says}")

    if door.stores:
        seen = witness(door, identifier)(world, list(accepted.values()), base)
        for value, offer in accepted.items():
            if seen[offer] != [offer.mark]:
                verdicts.wrong(value, f"accepted, but not found as it was sent: {seen[offer]} instead of [{offer.mark}]")
        if passed_over:
            try:
                eventually(lambda: world.sse.metrics()[SKIPPED] - skipped >= passed_over, "passed-over messages are counted", timeout=5)
            except AssertionError:
                verdicts.wrong("all", f"{world.sse.metrics()[SKIPPED] - skipped:g} messages are counted as no events, {passed_over} are")
    if identifier == APPROVAL and door.stores:
        expect_listed(world, tenant, {value.text for value in accepted}, verdicts)
    verdicts.check()


def expect_listed(world, tenant, approvals, verdicts):
    """The list of approvals has exactly those."""
    answer = world.call(world.approvals, "GET", "/v1/notifications/approvals?limit=200", token=mint(tenant))
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    listed = {item["approvalId"] for item in answer.json()["items"]}
    if listed != approvals:
        verdicts.wrong("the list", f"has {sorted(listed - approvals)} besides, and lacks {sorted(approvals - listed)}")


# MARK: Numbers


@at_every_number_door
def test_no_number_is_answered_with_a_fault_of_the_server(world, tenant, door):
    verdicts = Verdicts(door, "number")
    for name, text in NUMBERS.items():
        if door.carries(text):
            try:
                door.offer(world, text, tenant)
            except (AssertionError, OSError, httpx.HTTPError) as failure:
                verdicts.wrong(name, str(failure) or repr(failure))
    verdicts.check()
    world.stack.check()


# MARK: JSON


@at_every_json_door
def test_malformed_json_is_refused_at_every_door(world, tenant, door):
    verdicts = Verdicts(door, "JSON")
    skipped, sent, sound = world.sse.metrics()[SKIPPED], 0, 0
    with NotificationStream().connect(world.sse, mint(tenant)) as client:
        client.next()
        for name, change in SOUND.items():
            if not door.carries(name):
                continue
            answer = door.attempt(world, made(change, door.document(tenant)), tenant)
            sound += 1
            if not isinstance(answer, Accepted | Sent):
                verdicts.wrong(name, f"refused, although it is sound: {answer}")
        for name, change in MALFORMED.items():
            if not door.carries(name):
                continue
            match door.attempt(world, made(change, door.document(tenant)), tenant):
                case Sent():
                    sent += 1
                case Refused(says):
                    if not says.strip():
                        verdicts.wrong(name, "refused without a word")
                case answer:
                    verdicts.wrong(name, f"to be refused, and the answer is {answer}")
        world.stack.intake.publish({"type": "doors.fence", "tenant": tenant, "payload": {}})
        delivered = 0
        while client.next_event().type != "doors.fence":
            delivered += 1
    if delivered > sound:
        verdicts.wrong("all", f"{delivered} events are delivered, and {sound} were sound")
    if sent:
        try:
            eventually(lambda: world.sse.metrics()[SKIPPED] - skipped == sent, "what is no event is counted", timeout=5)
        except AssertionError:
            verdicts.wrong("all", f"{world.sse.metrics()[SKIPPED] - skipped:g} of {sent} malformed messages are counted")
    verdicts.check()


# MARK: Places to resume from

#: How a client may send its cursor: the header, or the query in these spellings.
NAMES = ("header", *SPELLINGS)


def place(name, cursor):
    """Returns the query and the headers that name it."""
    return ({}, {"Last-Event-ID": cursor}) if name == "header" else ({name: cursor}, {})


def connect(world, surface, token, name, cursor):
    query, headers = place(name, cursor)
    if surface.name == "notification stream":
        return NotificationStreamConnection(
            surface, SSEConnection(world.sse.url + surface.path, token=token, query=query, headers=headers)
        )
    query |= {"workspace": workspace_of(token)}
    connection = WebSocketConnection(world.workspace.url + surface.path, token=token, query=query, headers=headers)
    return WorkspaceStreamConnection(surface, connection, cursor, plain=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("surface", [NotificationStream(), WorkspaceStream()], ids=["notification-stream", "workspace-stream"])
def test_a_place_is_understood_in_every_spelling(world, tenant, surface, name):
    ids = world.stack.intake.publish(*(numbered(number, tenant) for number in range(1, 4)))
    for cursor, want in {ids[0]: ids[1:], "": ids}.items():
        with connect(world, surface, mint(tenant), name, cursor) as client:
            assert isinstance(client.next(), Opened)
            seen = [event.id for event in client.events(len(want))]
            assert seen == want, f"{surface}, {name}, {cursor or 'nothing'}: {seen} instead of {want}"
    for cursor in ("nonsense", "evt_", ids[0].lower(), "42", "\u00e9"):
        with connect(world, surface, mint(tenant), name, cursor) as client:
            assert isinstance(client.next(), Opened)
            message = client.next()
            assert isinstance(message, Gap) and message.reason == "unknown_cursor", f"{surface}, {name}, {cursor}: {message}"


@pytest.mark.parametrize("name", NAMES)
def test_a_place_in_an_execution_is_understood_in_every_spelling(world, tenant, name):
    runs = Executions(world.stack.intake, "agents", "spelled", tenant)
    runs.publish(("progress", {"progress": 0.1}), ("progress", {"progress": 0.2}), ("complete", {"result": 1}))
    for number, want in {"1": [2, 3], "": [1, 2, 3], "3": []}.items():
        query, headers = place(name, number)
        connection = SSEConnection(
            world.sse.url + "/api/streaming/agents/spelled/stream", token=mint(tenant), query=query, headers=headers, parser=ExecutionParser()
        )
        with connection:
            if number == "3":
                assert connection.status == 204, f"{name}, {number}: {connection.status}"
                continue
            seen = []
            while (block := connection.next_block()) is not None:
                seen += [int(block.id)] if block.data is not None else []
            assert seen == want, f"{name}, {number or 'nothing'}: {seen} instead of {want}"


@pytest.mark.parametrize("name", ["lastEventId", "last_event_id"])
def test_a_place_of_a_subscription_is_understood_in_both_spellings(world, tenant, name):
    ids = world.stack.intake.publish(*(Relay().numbered(number, tenant) for number in range(1, 4)))
    for cursor, want in {ids[0]: ids[1:], "": ids}.items():
        with RelayClient(world.relay, mint(tenant)) as client:
            client.result("investigation.subscribe", {"incidentId": "inc_scenario", name: cursor})
            assert [client.next()["params"]["id"] for _ in want] == want
    with RelayClient(world.relay, mint(tenant)) as client:
        client.result("investigation.subscribe", {"incidentId": "inc_scenario", name: "nonsense"})
        message = client.next()
        assert (message["method"], message["params"]["reason"]) == ("stream.gap", "unknown_cursor"), message


# MARK: Tokens


@at_every_token_door
def test_a_revoked_token_is_refused_at_every_door(world, tenant, door):
    name = f"door-{new_mark()}"
    revoked, kept = door.token(tenant, jti=name), door.token(tenant, jti=f"{name}-kept")
    # Twice, so that the process has the token in its cache.
    for _ in range(2):
        assert door.offer(world, revoked) == Accepted()
    answer = world.call(
        world.approvals, "POST", "/v1/tokens/revocations", token=mint(tenant, "usr_admin", ("admin",)),
        content=json.dumps({"jti": name}).encode(), content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 202, answer.text

    def is_refused():
        match door.offer(world, revoked):
            case Refused(says):
                assert "The token was revoked" in says, says
                return True
        return False

    eventually(is_refused, f"{door} refuses the token", timeout=PROMPT)
    assert door.offer(world, kept) == Accepted()


@at_every_token_door
def test_a_security_event_is_no_token_at_any_door(world, tenant, door):
    match door.offer(world, door.token(tenant, headers={"typ": "secevent+jwt"})):
        case Refused(says):
            assert "security event" in says, says
        case answer:
            raise AssertionError(f"a security event is answered with {answer}")


def test_every_operation_with_a_token_is_among_the_doors():
    paths = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    tried = [(door.method, door.path.split("?")[0]) for door in REQUEST_DOORS]
    missing = [
        f"{method} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in ("get", "post", "patch", "put", "delete") and any("bearer" in way for way in operation.get("security", [{"bearer": []}]))
        and not any(name == method.upper() and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), tried_path) for name, tried_path in tried)
    ]  # fmt: skip
    assert not missing, f"no door is tried with a token: {missing}"


#: Maximum length of a token (contract §1).
LONGEST = 16 * 1024
HANDSHAKE = [
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
]  # fmt: skip


def token_of(length, roles):
    """Returns a valid token of that many bytes, or up to two more, because base64 does not yield every length."""
    fitting = max(0, (length - len(mint(roles=roles, filler=""))) * 3 // 4)
    while len(token := mint(roles=roles, filler="x" * fitting)) < length:
        fitting += 1
    return token


@pytest.mark.parametrize("place", ["header", "query"])
def test_the_longest_token_is_taken_everywhere_and_a_longer_one_nowhere(world, place):
    doors = [
        (world.sse, "GET", NotificationStream().path, ("member",), 200),
        (world.workspace, "GET", f"{WorkspaceStream().path}?workspace=acme", ("member",), 101),
        (world.relay, "GET", Relay.path, ("member",), 101),
    ]
    if place == "header":
        doors += [
            (world.approvals, "GET", "/v1/notifications", ("member",), 200),
            # Authenticated, and then refused for what it lacks.
            (world.producer, "POST", "/v1/events", ("producer",), 415),
        ]
    for service, method, path, roles, taken in doors:
        for length, is_taken in ((LONGEST - 3, True), (LONGEST + 1, False)):
            token = token_of(length, roles)
            target = f"{path}{'&' if '?' in path else '?'}token={token}" if place == "query" else path
            fields = [f"Authorization: Bearer {token}"] if place == "header" else []
            seen = answer_to(service, method, target, fields, is_handshake=taken == 101)
            # Browsers do not see a handshake's status: the workspace stream closes with 4401 instead (contract §5).
            refusal = "101, then 4401" if service is world.workspace else "401"
            assert seen == (str(taken) if is_taken else refusal), f"{service.name}, {len(token)} bytes: {seen}"


def answer_to(service, method, target, fields, *, is_handshake):
    """Returns the status of a response, and the code of a close frame that follows immediately."""
    fields = ["Host: x", *fields, *(HANDSHAKE if is_handshake else []), *(["Content-Length: 0"] if method == "POST" else [])]
    connection = WebSocketConnection.raw(service.url, "\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode())
    with connection:
        if connection.status != 101 or service.name.startswith("jsonrpc"):
            return str(connection.status)
        message = connection.next()
        return f"101, then {message.code}" if isinstance(message, Close) else "101"
