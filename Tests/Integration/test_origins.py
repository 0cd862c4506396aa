"""Which pages may use a service: one rule for HTTP and for WebSocket handshakes, on every service (contract §1, "Origins")."""

import json

import httpx
import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.relay import RelayClient
from causeway_kit.services import command
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint, producer_token
from causeway_kit.websocket import WebSocketConnection
from causeway_kit.workspace import WorkspaceStream

CONSOLE, LOCAL = "https://console.example", "http://localhost:3000"
#: As an operator may write them.
CONFIGURED = "https://Console.example:443, http://localhost:3000/"
#: Request headers that pages may send (contract §1).
HEADERS = {"authorization", "content-type", "idempotency-key", "last-event-id", "cache-control", "traceparent", "tracestate"}

#: Of each service a request that succeeds: its method and path.
SERVICES = {
    "sse-edge": ("GET", NotificationStream.path),
    "websocket-edge": ("OPTIONS", WorkspaceStream.path),
    "jsonrpc-relay": ("GET", "/v1/relay/status"),
    "approval-api": ("GET", "/v1/notifications"),
    "event-producer": ("POST", "/v1/events"),
    "webhook-dispatcher": ("GET", "/v1/webhooks"),
}
#: WebSocket handshakes by service.
SOCKETS = {"websocket-edge": "/v1/stream?workspace={tenant}", "jsonrpc-relay": "/v1/connect"}


def started(stack, program, **settings):
    if program == "approval-api":
        return approval_service(stack, **settings)
    return stack.start(program, *(("serve",) if program == "event-producer" else ()), **settings)


@pytest.fixture(scope="module")
def configured(shared):
    """One of each service, with two origins beside the deployment's own."""
    services = {program: started(shared, program, cors_origins=CONFIGURED) for program in SERVICES}
    return {program: service.wait_ready() for program, service in services.items()}


@pytest.fixture(scope="module")
def unconfigured(shared):
    services = {program: started(shared, program) for program in SERVICES}
    return {program: service.wait_ready() for program, service in services.items()}


def ask(service, program, tenant, *, origin=None, headers=(), token=True, path=None, method=None):
    """The status and the fields of an answer, and its body unless it is a stream."""
    known_method, known_path = SERVICES[program]
    fields = dict(headers) | ({"Origin": origin} if origin is not None else {})
    if token:
        bearer = producer_token() if program == "event-producer" else mint(tenant, roles=("member", "admin"))
        fields["Authorization"] = f"Bearer {bearer}"
    event = json.dumps({"type": "origins.tried", "tenant": tenant, "payload": {}})
    content = event if program == "event-producer" else None
    if content and method is None:
        fields["Content-Type"] = "application/json"
    with httpx.stream(method or known_method, service.url + (path or known_path), headers=fields, content=content, timeout=15) as answer:
        body = None if answer.headers.get("content-type", "").startswith("text/event-stream") else answer.read()
        return answer.status_code, answer.headers, body


def own_origins(service):
    """Requests to the service's own address, and behind several kinds of proxies: the origin, and further headers."""
    here = f"127.0.0.1:{service.http_port}"
    return [
        (f"http://{here}", {}),
        (f"HTTP://{here}", {}),
        ("https://edge.example", {"Host": "edge.example", "X-Forwarded-Proto": "https"}),
        ("https://edge.example:8443", {"Host": "edge.example:8443", "X-Forwarded-Proto": "https"}),
        ("http://edge.example", {"Host": "edge.example:80", "X-Forwarded-Proto": "http"}),
        ("https://edge.example", {"Host": "inner:8081", "X-Forwarded-Host": "edge.example", "X-Forwarded-Proto": "https"}),
        ("http://[::1]:8081", {"Host": "[::1]:8081"}),
    ]


def foreign_origins(service):
    here = f"127.0.0.1:{service.http_port}"
    return [
        ("https://evil.example", {}),
        ("null", {}),
        ("", {}),
        ("http://console.example", {}),
        (f"{CONSOLE}.evil.example", {}),
        (f"{CONSOLE}:444", {}),
        (f"http://localhost:{service.http_port}", {}),
        (f"{CONSOLE}, http://{here}", {}),
        ("http://edge.example", {"Host": "edge.example", "X-Forwarded-Proto": "https"}),
        ("https://edge.example:8443", {"Host": "edge.example", "X-Forwarded-Proto": "https"}),
    ]


ALLOWED = [CONSOLE, f"{CONSOLE}:443", CONSOLE.upper(), LOCAL]


def expect_readable(fields, origin, about):
    assert fields.get_list("access-control-allow-origin") == [origin], about
    assert fields.get("access-control-allow-credentials") == "true", about
    assert fields.get_list("vary") == ["Origin"], about


# MARK: HTTP


@pytest.mark.parametrize("program", SERVICES)
def test_pages_of_configured_origins_and_of_the_deployment_itself_may_read_every_answer(configured, tenant, program):
    service = configured[program]
    for origin, headers in [*((origin, {}) for origin in ALLOWED), *own_origins(service)]:
        for about, status, arguments in [
            ("an answer", (200, 202, 204), {}),
            ("no token", (401, 426, 204), {"token": False}),
            ("no such path", (404,), {"path": "/nowhere"}),
            ("no such method", (405,), {"method": "PUT"}),
        ]:
            code, fields, _ = ask(service, program, tenant, origin=origin, headers=headers, **arguments)
            told = f"{program} answers {about} of {origin} with {code} {dict(fields)}"
            assert code in status, told
            expect_readable(fields, origin, told)
            exposed = {name.strip().lower() for name in fields["access-control-expose-headers"].split(",")}
            assert {"x-request-id", "retry-after"} <= exposed and fields.get("x-request-id"), told


@pytest.mark.parametrize("program", SERVICES)
def test_preflights_allow_what_the_contract_lists(configured, tenant, program):
    service = configured[program]
    for origin, headers in [*((origin, {}) for origin in ALLOWED), *own_origins(service)]:
        asking = headers | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ", ".join(sorted(HEADERS))}
        for path in (SERVICES[program][1], "/nowhere"):
            code, fields, body = ask(service, program, tenant, origin=origin, headers=asking, method="OPTIONS", token=False, path=path)
            told = f"{program} answers the preflight of {origin} for {path} with {code} {dict(fields)}"
            assert code == 204 and not body, told
            expect_readable(fields, origin, told)
            assert {name.strip().lower() for name in fields["access-control-allow-headers"].split(",")} - {"x-request-id"} == HEADERS, told
            assert {"GET", "HEAD", "POST", "PATCH", "DELETE"} <= {name.strip() for name in fields["access-control-allow-methods"].split(",")}
            assert fields.get("x-request-id"), told


@pytest.mark.parametrize("program", SERVICES)
def test_pages_of_other_origins_may_read_nothing(configured, tenant, program):
    service = configured[program]
    for origin, headers in foreign_origins(service):
        preflight = headers | {"Access-Control-Request-Method": "GET"}
        for arguments in ({"headers": headers}, {"headers": preflight, "method": "OPTIONS"}):
            _, fields, _ = ask(service, program, tenant, origin=origin, **arguments)
            assert not [name for name in fields if name.startswith("access-control-")], f"{program} allows {origin!r}"
            assert fields.get_list("vary") == ["Origin"]


@pytest.mark.parametrize("program", SERVICES)
def test_without_configuration_pages_of_the_deployment_alone_may_read(unconfigured, tenant, program):
    service = unconfigured[program]
    for origin, headers in own_origins(service):
        _, fields, _ = ask(service, program, tenant, origin=origin, headers=headers)
        expect_readable(fields, origin, f"{program} does not allow {origin} with {headers}")
    for origin in (CONSOLE, "null"):
        _, fields, _ = ask(service, program, tenant, origin=origin)
        assert "access-control-allow-origin" not in fields
    _, fields, _ = ask(service, program, tenant)
    assert fields["vary"] == "Origin" and "access-control-allow-origin" not in fields


# MARK: WebSocket handshakes


def handshake(service, program, tenant, origin, headers=()):
    url = service.url + SOCKETS[program].format(tenant=tenant)
    path, _, query = url.partition("?")
    query = dict(part.split("=") for part in query.split("&") if part)
    fields = dict(headers) | {"Origin": origin}
    return WebSocketConnection(path, token=mint(tenant), query=query, headers=fields)


@pytest.mark.parametrize("program", SOCKETS)
def test_pages_that_may_read_may_open_websockets(configured, tenant, program):
    service = configured[program]
    for origin, headers in [(None, {}), *((origin, {}) for origin in ALLOWED), *own_origins(service)]:
        with handshake(service, program, tenant, origin, headers) as client:
            assert client.status == 101, f"{program} answers the handshake of {origin} with {client.status} {client.body()}"


@pytest.mark.parametrize("program", SOCKETS)
def test_other_pages_may_not_open_websockets(configured, tenant, program):
    service = configured[program]
    for origin, headers in foreign_origins(service):
        with handshake(service, program, tenant, origin, headers) as client:
            assert client.status == 403, f"{program} answers the handshake of {origin!r} with {client.status}"
            error = json.loads(client.body())
            assert error["error"] == "forbidden" and "CORS_ORIGINS" in error["message"]


# MARK: Configuration


@pytest.mark.parametrize("entry", ["console.example", "https://", "https://a/b", "https://*.example", "null", "https://a:99999"])
def test_an_entry_that_is_not_an_origin_stops_the_start(stack, entry):
    """With the words that say which setting it is."""
    for program, *arguments in (("sse-edge",), ("approval-api",), ("event-producer", "serve"), ("webhook-dispatcher",)):
        run = command(program, *arguments, cors_origins=entry, nats_url=stack.nats.url, auth_hs256_secret="x" * 64, http_port=0, admin_port=0)
        said = run.stderr.decode()
        assert run.returncode == 78 and "CORS_ORIGINS" in said and entry in said, f"{run.returncode}: {said}"


def test_an_asterisk_allows_any_page_without_credentials(stack, tenant):
    edge = stack.edge(cors_origins=f"*,{CONSOLE}")
    _, fields, _ = ask(edge, "sse-edge", tenant, origin="https://anybody.example")
    assert fields["access-control-allow-origin"] in ("*", "https://anybody.example")
    assert "access-control-allow-credentials" not in fields
    _, fields, _ = ask(edge, "sse-edge", tenant, origin=CONSOLE)
    assert (fields["access-control-allow-origin"], fields["access-control-allow-credentials"]) == (CONSOLE, "true")


def test_the_relay_serves_a_page_of_its_own_origin_when_others_are_configured(configured, tenant):
    """The README's example, CORS_ORIGINS=http://localhost:3000, broke the WebSockets of the shipped console."""
    relay = configured["jsonrpc-relay"]
    with RelayClient(relay, mint(tenant), headers={"Origin": f"http://127.0.0.1:{relay.http_port}"}) as client:
        assert client.connected["params"]["connectionId"]
