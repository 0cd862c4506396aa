"""Tokens in a browser (docs/authentication.md, "In a browser"): where they appear, and what happens when they end, in pages and the console."""

import json
import re
import time

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.client_page import ClientBrowser, ClientSite
from causeway_kit.console import LANES, ConsoleBrowser, tabs_of
from causeway_kit.executions import Executions
from causeway_kit.intake import Flow
from causeway_kit.relay import Relay
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

#: The page's names of the streams, their programs, and their paths.
EDGES = {"notifications": NotificationStream.executable, "workspace": WorkspaceStream.executable, "relay": Relay.executable}
PATHS = {"notifications": "/v1/notifications/stream", "workspace": "/v1/stream", "relay": "/v1/connect"}
EXECUTION = "/api/streaming/agents/agent/stream"
TICKETS = "/v1/tickets"
IN_PLACE = ("workspace", "relay")
INCIDENT = "inc_scenario"
TICKET = re.compile("tkt_[A-Za-z0-9_-]{43}")
#: The life of a token that ends during a test, in seconds: the browser must have loaded the page by then.
SHORT = 20

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def deployment():
    """One of each service behind nginx, with the page of the client, and the console with a demo."""
    with Stack() as stack:
        settings = {"drain_window": "1s", "heartbeat_interval": "1s"}
        stack.named = {name: stack.edge(program, **settings) for name, program in EDGES.items()}
        stack.approvals = approval_service(stack).wait_ready()
        stack.demo = stack.directory / "demo.json"
        offer(stack)
        services = {program: [stack.named[name]] for name, program in EDGES.items()}
        services |= {"event-producer": [stack.producer], "approval-api": [stack.approvals]}
        stack.site = stack.add(ClientSite(stack.directory, services, options=("--demo", stack.demo))).wait_ready()
        yield stack
        expect_no_token("what nginx has written", stack.site.log + stack.site.access_log_file.read_text())


def offer(deployment, *people):
    """Replaces the demo's people: label and token each."""
    new = deployment.demo.with_suffix(".new")
    new.write_text(json.dumps({"people": [{"label": label, "token": token} for label, token in people], "executions": []}))
    new.replace(deployment.demo)


@pytest.fixture
def client(tmp_path):
    """A browser of this test alone: its log is about this test alone."""
    chromium = ClientBrowser(tmp_path / "client", is_recorded=True)
    yield chromium
    chromium.close()


@pytest.fixture
def open_tab(deployment, client, tenant):
    def open_tab(tokens=None, **options):
        options = {"backoff": {"first": 100, "max": 500}} | options
        return client.tab(deployment.site, tokens or mint(tenant), **options)

    return open_tab


@pytest.fixture
def chromium(tmp_path):
    chromium = ConsoleBrowser(tmp_path / "console", is_recorded=True)
    yield chromium
    chromium.close()


@pytest.fixture
def console(deployment, chromium):
    """Opens tabs of the console, signed out."""
    with tabs_of(chromium, deployment.site.url + "/console/") as open_tab:
        yield open_tab


def numbered(tenant, count, begin=0):
    """Events that all three streams deliver."""
    return [Relay().numbered(n, tenant, prefix=tenant) for n in range(begin, begin + count)]


def follow_all(tab):
    for stream in PATHS:
        tab.follow(stream, stream)
    for stream in PATHS:
        tab.wait_state(stream, "live")
    tab.run("return streams.relay.stream.subscribe(arguments[0])", INCIDENT)


def expect_all(tab, count):
    """Every stream has the events 0 to `count`, each once and in order, without a gap."""
    for stream in PATHS:
        eventually(lambda stream=stream: len(tab.numbers(stream)) >= count, f"{count} events on {stream}: {tab.states(stream)}", 60)
        assert tab.numbers(stream) == list(range(count)), f"{stream}: {tab.states(stream)}"
        assert tab.log(stream, "gap") == []


def notices(tab):
    return tab.run("return tokenNotices")


def reasons(tab):
    return [request["reason"] for request in tab.run("return tokenRequests")]


def revoke(deployment, tenant, jti):
    answer = ApprovalClient(deployment.approvals, tenant).send("POST", "/v1/tokens/revocations", json={"jti": jti})
    assert answer.status_code == 202, answer.text


def expect_no_trace(deployment, browser, tab, *, storage=0):
    """No address, header of a handshake, history, console, document, storage or log has a token; `storage`: how many items the page keeps."""
    network = browser.network
    for name, lines in {
        "an address": network.addresses,
        "a handshake": [json.dumps(fields) for fields in network.handshakes],
        "a Referer": network.referrers,
        "the browser's console": network.printed,
        "the history": network.history,
    }.items():
        for line in lines:
            # The browser's own record of addresses has tickets, which are used up. Nothing else has any.
            expect_no_token(name, TICKET.sub("", line))
            assert "token=" not in line, f"{name}: {line[:200]}"
    document = "return [document.documentElement.outerHTML, location.href, document.referrer, document.cookie].join('\\n')"
    expect_no_token("the document", tab.run(document))
    assert tab.run("return [sessionStorage.length, localStorage.length]") == [storage, 0]
    for process in deployment.processes:
        expect_no_token(f"the log of {process.name}", process.log)
    written = deployment.site.log + deployment.site.access_log_file.read_text()
    expect_no_token("nginx's logs", written)
    assert "token=" not in written
    deployment.check()


# MARK: Where tokens and tickets are


def test_no_address_history_or_log_has_a_token(deployment, client, open_tab, tenant):
    tab = open_tab([mint(tenant, lifetime=SHORT), mint(tenant)])
    follow_all(tab)
    agent = Executions(deployment.intake, "agents", "agent", tenant)
    agent.progress(0.1)
    tab.follow("execution", "execution", "agent", "agent").wait_state("execution", "live")
    deployment.intake.publish(*numbered(tenant, 3))
    expect_all(tab, 3)
    # Each attempt has another ticket: after a renewal, and after a loss.
    eventually(lambda: "connecting token_refreshed" in tab.states("notifications"), "it is renewed", timeout=30)
    for edge in deployment.named.values():
        edge.kill()
        edge.start().wait_ready()
    deployment.intake.publish(*numbered(tenant, 3, begin=3))
    expect_all(tab, 6)
    assert tab.run("return causeway.fetch('/v1/relay/status').then((response) => response.status)") == 200

    network = client.network
    tickets = [ticket for path in (*PATHS.values(), EXECUTION) for ticket in network.tickets_of(path)]
    assert len(tickets) == len(set(tickets)) and all(ticket.startswith("tkt_") for ticket in tickets)
    for path in PATHS.values():
        assert len(network.tickets_of(path)) == len(network.addresses_of(path)) >= 2, path
    assert network.addresses_of(TICKETS)
    expect_no_trace(deployment, client, tab)


def test_the_watch_for_tokens_sees_them(deployment, client, open_tab, tenant):
    """Validates the test above: an address with a token is seen in the browser's log."""
    tab = open_tab()
    token = mint(tenant)
    tab.run("window.source = new EventSource(arguments[0])", f"{PATHS['notifications']}?token={token}")
    eventually(lambda: any(token in url for url in client.network.addresses), "its address is recorded")
    with pytest.raises(AssertionError, match="an address shows a token"):
        expect_no_trace(deployment, client, tab)
    tab.run("source.close()")


def test_without_tickets_no_address_has_a_token_either(deployment, client, open_tab, tenant):
    tab = open_tab(tickets=False)
    follow_all(tab)
    deployment.intake.publish(*numbered(tenant, 3))
    expect_all(tab, 3)
    assert client.network.addresses_of(TICKETS) == []
    for url in client.network.addresses:
        expect_no_token("an address", url)
        assert "token=" not in url and "ticket=" not in url


def test_a_server_without_tickets_is_told(open_tab, tenant):
    tab = open_tab()
    tab.run(
        """window.real = window.fetch;
        window.fetch = (url, init) => String(url).endsWith("/v1/tickets")
            ? Promise.resolve(new Response('{"error":"not_found","message":"There is nothing here."}', { status: 404 })) : real(url, init);"""
    )
    tab.follow("notifications", "notifications")
    assert tab.wait_state("notifications", "waiting")["reason"] == "no_tickets"
    assert "set the client's option tickets to false" in tab.log("notifications", "error")[0]["message"]
    # It is updated.
    tab.run("window.fetch = window.real")
    tab.wait_state("notifications", "live")


# MARK: Renewal


def test_a_websocket_outlives_two_tokens(deployment, client, open_tab, tenant):
    second = mint(tenant, lifetime=2 * SHORT)
    tab = open_tab([mint(tenant, lifetime=SHORT), second, mint(tenant)])
    expired = time.time() + 2 * SHORT
    follow_all(tab)
    flow = Flow(deployment.intake, (event for n in range(100_000) for event in numbered(tenant, 1, begin=n)), rate=20, batch=2)
    flow.start()
    eventually(lambda: len(reasons(tab)) == 3 and time.time() > expired + 2, "two tokens have expired", timeout=60)
    flow.stop()
    expect_all(tab, flow.accepted)
    assert reasons(tab) == ["first", "expiring", "expiring"] and notices(tab) == ["renewed"] * 2
    for stream in IN_PLACE:
        assert tab.states(stream) == ["connecting start", "live None"]
        assert len(client.network.addresses_of(PATHS[stream])) == 1, "the same WebSocket"
    assert client.network.frames_sent(type="authenticate") == client.network.frames_received(type="authenticated") == 2
    assert client.network.frames_sent(method="authenticate") == 2
    # SSE has no way to send a token: it connects again, with another ticket, before the server ends it.
    assert tab.states("notifications").count("connecting token_refreshed") == 2
    assert len(client.network.tickets_of(PATHS["notifications"])) == 3
    assert not any("token_expired" in state for stream in PATHS for state in tab.states(stream))


def test_streams_wait_for_a_token_and_go_on_where_they_were(deployment, open_tab, tenant):
    """The page's source of tokens is away for longer than the token lives."""
    tab = open_tab([mint(tenant, lifetime=SHORT), mint(tenant)], downAfterFirst=True)
    follow_all(tab)
    deployment.intake.publish(*numbered(tenant, 3))
    expect_all(tab, 3)
    eventually(lambda: "expiring" in notices(tab), "the page is told that the token is about to expire", timeout=30)
    for stream in PATHS:
        assert tab.state(stream)["state"] == "live", "it still counts"
    for stream in PATHS:
        assert tab.wait_state(stream, "unauthorized", timeout=60)["reason"] in ("token_expired", "unauthorized")
    assert "expired" in notices(tab)
    deployment.intake.publish(*numbered(tenant, 5, begin=3))
    calls = len(reasons(tab))
    eventually(lambda: len(reasons(tab)) >= calls + 3, "it is asked again and again")
    for stream in PATHS:
        assert tab.numbers(stream) == [0, 1, 2] and tab.state(stream)["state"] == "unauthorized"
    tab.run("window.isSourceDown = false")
    for stream in PATHS:
        tab.wait_state(stream, "live")
    deployment.intake.publish(*numbered(tenant, 2, begin=8))
    expect_all(tab, 10)
    assert notices(tab)[-1] == "renewed"


def test_a_revoked_token_is_replaced_at_once(deployment, open_tab, tenant):
    tab = open_tab([mint(tenant, jti=f"{tenant} taken back"), mint(tenant, jti="kept")])
    follow_all(tab)
    deployment.intake.publish(*numbered(tenant, 3))
    expect_all(tab, 3)
    revoke(deployment, tenant, f"{tenant} taken back")
    # The stream that ends first makes the page ask; a WebSocket that is still open by then takes the new token.
    eventually(lambda: len(reasons(tab)) == 2, "another token is asked for")
    for stream in PATHS:
        tab.wait_state(stream, "live")
    deployment.intake.publish(*numbered(tenant, 3, begin=3))
    expect_all(tab, 6)
    assert reasons(tab) == ["first", "refused"] and notices(tab) == ["refused", "renewed"]


def test_a_request_without_a_token_waits_for_one_until_it_is_aborted(open_tab, tenant):
    tab = open_tab([mint(tenant, secret="s" * 64), mint(tenant)])
    tab.run(
        """window.signIn = Promise.withResolvers();
        causeway = new library.Causeway({ token: ({ reason }) => reason === "first" ? tokens[0] : signIn.promise });
        const ask = (init) => causeway.fetch("/v1/relay/status", init).then((response) => response.status, (error) => error.name);
        window.answers = [ask(), ask({ signal: AbortSignal.timeout(500) })];"""
    )
    assert tab.run("return answers[1]") == "TimeoutError"
    tab.run("signIn.resolve(tokens[1])")
    assert tab.run("return answers[0]") == 200


def test_a_tab_without_a_token_gives_the_connection_to_one_that_has_one(deployment, open_tab, tenant):
    tabs = [open_tab([mint(tenant, lifetime=SHORT), mint(tenant)], downAfterFirst=True), open_tab(mint(tenant))]
    for tab in tabs:
        follow_all(tab)
    assert [tab.state("workspace")["leader"] for tab in tabs] == [True, False]
    for stream in PATHS:
        tabs[0].wait_state(stream, "unauthorized", timeout=60)
        eventually(lambda stream=stream: tabs[1].state(stream)["leader"], f"the other leads {stream}")
    deployment.intake.publish(*numbered(tenant, 4))
    expect_all(tabs[1], 4)
    assert tabs[0].numbers("notifications") == [], "without a token there are no events"
    tabs[0].run("window.isSourceDown = false")
    expect_all(tabs[0], 4)
    assert not tabs[0].state("notifications")["leader"]


# MARK: The console


def wait_unauthorized(tab):
    tab.wait_for(lambda: {lane["state"] for lane in tab.lanes().values()} == {"unauthorized"}, "the streams wait for a token", timeout=60)


def sign_in_again(tab, token):
    tab.click("#renewal-open")
    tab.find("#again-token").send_keys(token)
    tab.click("#again-form .primary")


def test_the_console_has_its_token_nowhere_else(deployment, chromium, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    ids = deployment.intake.publish(*numbered(tenant, 3))
    tab.wait_for_row(ids[-1])
    for path in PATHS.values():
        assert len(chromium.network.tickets_of(path)) == len(chromium.network.addresses_of(path)) == 1
    expect_no_trace(deployment, chromium, tab, storage=1)


def test_a_half_typed_reason_survives_the_token(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",), lifetime=2 * SHORT))
    tab.run("window.neverReloaded = true")
    ids = deployment.intake.publish(*numbered(tenant, 3))
    deployment.intake.publish(requested("app_1", tenant))
    tab.click("[data-approval=app_1] .approve")
    tab.find("#decide-reason").send_keys("It is ti")
    tab.wait_for(lambda: tab.count("#decide #renewal:not([hidden])"), "the notice is in the dialog: outside it nothing can be used", timeout=60)
    assert "expires at" in tab.text("#renewal-text") or "has expired" in tab.text("#renewal-text")
    wait_unauthorized(tab)
    tab.wait_for_text("#renewal-text", "has expired")
    ids += deployment.intake.publish(*numbered(tenant, 3, begin=3))
    # Neither the notice nor the loss takes the focus or the text.
    assert tab.run("return document.activeElement.id") == "decide-reason"
    tab.press("me")
    sign_in_again(tab, mint(tenant, "olga", ("admin",)))
    tab.wait_live()
    tab.wait_for_row(ids[-1])
    assert tab.run("return document.activeElement.id") == "decide-reason"
    assert tab.run("return document.querySelector('#decide-reason').value") == "It is time"
    assert not tab.find("#renewal").is_displayed() and not tab.find("#again").is_displayed() and tab.find("#decide").is_displayed()
    assert tab.run("return document.querySelector('#again-token').value") == ""
    for lane in tab.lanes().values():
        assert (lane["gaps"], lane["twice"]) == (0, 0), lane
    assert [id for id in tab.arrivals() if id in ids] == ids
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-approval=app_1][data-outcome=approved]"), "it is approved")
    assert ApprovalClient(deployment.approvals, tenant).approval("app_1").json()["decision"]["reason"] == "It is time"
    assert tab.run("return window.neverReloaded")


def test_a_decision_that_is_sent_without_a_token_waits_for_one(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",), jti=tenant))
    deployment.intake.publish(requested("app_1", tenant))
    tab.click("[data-approval=app_1] .reject")
    tab.find("#decide-reason").send_keys("Not today")
    revoke(deployment, tenant, tenant)
    wait_unauthorized(tab)
    tab.wait_for_text("#renewal-text", "no longer accepted")
    tab.click("#decide-submit:enabled")
    sign_in_again(tab, mint(tenant, "olga", ("admin",)))
    tab.wait_for(lambda: tab.count("[data-approval=app_1][data-outcome=rejected]"), "it is decided")
    decision = ApprovalClient(deployment.approvals, tenant).approval("app_1").json()["decision"]
    assert (decision["action"], decision["reason"]) == ("reject", "Not today")


def test_nobody_else_signs_in_to_an_open_page(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",), jti=tenant))
    revoke(deployment, tenant, tenant)
    wait_unauthorized(tab)
    tab.click("#renewal-open")
    for token, reason in [
        (mint(tenant, "ann"), "another user's"),
        (mint(f"{tenant}_other", "olga"), "another user's"),
        (mint(tenant, "olga", lifetime=-60), "has expired"),
        (mint(tenant, "olga", jti=tenant), "revoked"),
        ("nothing", "This is not a token"),
    ]:
        tab.find("#again-token").clear()
        tab.find("#again-token").send_keys(token)
        tab.click("#again-form .primary")
        tab.wait_for_text("#again-error", reason)
    tab.click("#again-cancel")
    assert tab.find("#renewal").is_displayed()
    sign_in_again(tab, mint(tenant, "olga", ("admin",)))
    tab.wait_live()


def test_somebody_of_the_demo_is_signed_in_again_by_the_page(deployment, chromium, console, tenant):
    label = "olga, admin"
    short, long = mint(tenant, "olga", ("admin",), lifetime=2 * SHORT), mint(tenant, "olga", ("admin",))
    offer(deployment, (label, short))
    tab = console()
    tab.click("#demo-people button")
    tab.wait_live()
    offer(deployment, ("ann", mint(tenant, "ann")), (label, long))
    tab.wait_for(lambda: tab.run("return sessionStorage.getItem('causeway.token')") == long, "it has taken the newer token", timeout=60)
    eventually(lambda: chromium.network.frames_received(type="authenticated") == 1, "the workspace stream is renewed in place")
    ids = deployment.intake.publish(*numbered(tenant, 3))
    tab.wait_for_row(ids[-1])
    assert not tab.find("#renewal").is_displayed()
    assert {name: (lane["gaps"], lane["twice"]) for name, lane in tab.lanes().items()} == dict.fromkeys(LANES, (0, 0))
    assert tab.lane("websocket")["reconnects"] == tab.lane("relay")["reconnects"] == 0
    offer(deployment)


def test_somebody_of_the_demo_takes_a_later_token_by_one_click(deployment, console, tenant):
    label = "olga, admin"
    offer(deployment, (label, mint(tenant, "olga", ("admin",), jti=tenant)))
    tab = console()
    tab.click("#demo-people button")
    tab.wait_live()
    revoke(deployment, tenant, tenant)
    wait_unauthorized(tab)
    offer(deployment, (label, mint(tenant, "olga", ("admin",))))
    tab.click("#renewal-open")
    tab.click("#again-demo button")
    tab.wait_live()
    assert not tab.find("#renewal").is_displayed()
    offer(deployment)
