"""The browser client (Clients/JavaScript/causeway, docs/browser-client.md) in a real browser, behind nginx, before real services."""

import signal
import sys

import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.client_page import ClientBrowser, ClientSite
from causeway_kit.cursors import Cursor
from causeway_kit.executions import Executions
from causeway_kit.intake import Flow
from causeway_kit.processes import Process
from causeway_kit.relay import Relay
from causeway_kit.services import ROOT, is_built
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

EDGES = (NotificationStream.executable, WorkspaceStream.executable, Relay.executable)
#: The page's names of the streams, by transport.
STREAMS = {"notifications": EDGES[0], "workspace": EDGES[1], "relay": EDGES[2]}
#: A cursor of no existing log.
UNKNOWN = "evt_01HX9VTPQR3KF8MZWBYD5N6JCE"
INCIDENT = "inc_scenario"

pytestmark = [
    pytest.mark.skipif(not all(map(is_built, EDGES)), reason="it needs all edges"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def deployment():
    with Stack() as stack:
        settings = {"drain_window": "2s", "heartbeat_interval": "1s"}
        stack.named = {program: stack.edge(program, **settings) for program in EDGES}
        # It exchanges tokens for tickets.
        approvals = approval_service(stack).wait_ready()
        services = {program: [edge] for program, edge in stack.named.items()}
        services |= {"event-producer": [stack.producer], "approval-api": [approvals]}
        stack.site = stack.add(ClientSite(stack.directory, services)).wait_ready()
        yield stack


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = ClientBrowser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def open_tab(deployment, browser, tenant):
    """Opens a tab on the page, by default as a member of the test's tenant."""
    tabs = []

    def open_tab(token=None, **options):
        options = {"backoff": {"first": 100, "max": 1_000}} | options
        tabs.append(browser.tab(deployment.site, token or mint(tenant), **options))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        browser.close_tab(tab)


def edge_of(deployment, stream):
    return deployment.named[STREAMS[stream]]


def connections(deployment, stream):
    return edge_of(deployment, stream).metrics()["causeway_edge_connections"]


def numbered(count, tenant, begin=0):
    """Publishes events that all three streams deliver."""
    return [Relay().numbered(n, tenant, prefix=tenant) for n in range(begin, begin + count)]


def follow_all(tab):
    """Opens the three streams, with the incident of `numbered` on the relay."""
    for stream in STREAMS:
        tab.follow(stream, stream)
    for stream in STREAMS:
        tab.wait_state(stream, "live")
    tab.run("return streams.relay.stream.subscribe(arguments[0])", INCIDENT)


def expect_all(tab, count, streams=STREAMS, timeout=60):
    """Every stream gets the events 0 to `count`, each once and in order, without a gap."""
    for stream in streams:
        try:
            eventually(lambda stream=stream: len(tab.numbers(stream)) >= count, f"{count} events on {stream}", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{tab.numbers(stream)}\n{tab.states(stream)}\n{tab.log(stream, 'error')}") from None
        assert tab.numbers(stream) == list(range(count)), f"an event came twice or out of order on {stream}: {tab.states(stream)}"
        assert tab.log(stream, "gap") == []


# MARK: Streams


def test_every_stream_delivers_the_same(deployment, open_tab, tenant):
    tab = open_tab()
    follow_all(tab)
    ids = deployment.intake.publish(*numbered(3, tenant))
    expect_all(tab, 3)
    for stream in STREAMS:
        assert [event["id"] for event in tab.events(stream)] == ids
        event = tab.events(stream)[0]
        assert event["type"] == "investigation.progress" and event["transport"] == stream
        # In every envelope, it is the payload as published.
        assert event["data"] == numbered(1, tenant)[0]["payload"]
        assert event["time"].endswith("Z") and event["receivedAt"] > 1_700_000_000_000
    assert tab.log("notifications", "state")[-1]["leader"] is True
    eventually(lambda: tab.log("workspace", "heartbeat"), "a heartbeat comes")


def test_only_the_types_that_were_asked_for(deployment, open_tab, tenant):
    tab = open_tab()
    for stream in ("notifications", "workspace"):
        tab.follow(stream, stream, {"types": ["a.*", "load.tick"]}).wait_state(stream, "live")
    deployment.intake.publish(*({"type": type, "tenant": tenant, "payload": {}} for type in ("b.b", "a.b", "load.tick")))
    for stream in ("notifications", "workspace"):
        eventually(lambda stream=stream: [event["type"] for event in tab.events(stream)] == ["a.b", "load.tick"], "the two")


def test_an_execution_ends_with_its_last_event(deployment, open_tab, tenant):
    tab, edge = open_tab(), deployment.named[EDGES[0]]
    agent = Executions(deployment.intake, "agents", "my agent", tenant)
    tab.follow("refused", "execution", "agent", "my agent")
    assert tab.wait_state("refused", "ended")["reason"] == "not_found"
    tab.follow("waiting", "execution", "agent", "my agent", {"wait": True}).wait_state("waiting", "live")
    agent.progress(0.1, 0.2)
    eventually(lambda: len(tab.events("waiting")) == 2, "it begins")
    # Another one connects late, and gets it from the first event.
    tab.follow("late", "execution", "agent", "my agent", {"wait": True})
    agent.progress(0.9)
    agent.publish(("complete", {"result": "done", "duration": 3}))
    for stream in ("waiting", "late"):
        assert tab.wait_state(stream, "ended")["reason"] == "completed"
        assert [event["id"] for event in tab.events(stream)] == ["1", "2", "3", "4"]
        assert tab.events(stream)[-1]["data"] == {"result": "done", "duration": 3}
        # The lock of a finished leader may be released before its last update arrives: then the next leader asks the server, and learns of the end.
        assert [state for state in tab.states(stream) if state.startswith(("waiting", "ended"))] == ["ended completed"]
    eventually(lambda: edge.metrics()["causeway_edge_connections"] == 0, "nobody comes back")


def test_an_execution_resumes_where_it_was(deployment, open_tab, tenant):
    tab, edge = open_tab(), deployment.named[EDGES[0]]
    workflow = Executions(deployment.intake, "workflows", "wf/1", tenant)
    workflow.publish(*(("step_progress", {"stepId": "one", "progress": n / 10}) for n in range(5)))
    tab.follow("execution", "execution", "workflow", "wf/1")
    eventually(lambda: len(tab.events("execution")) == 5, "it is there")
    edge.kill()
    workflow.publish(("step_complete", {"stepId": "one"}), ("step_start", {"stepId": "two"}))
    edge.start().wait_ready()
    workflow.publish(("workflow_complete", {}))
    tab.wait_state("execution", "ended")
    assert [event["id"] for event in tab.events("execution")] == [str(n) for n in range(1, 9)]
    assert len({event["execution"] for event in tab.events("execution")}) == 1


@pytest.mark.parametrize("wait", [False, True], ids=["running", "awaited"])
def test_whoever_takes_over_goes_on_with_the_same_run(deployment, browser, open_tab, tenant, wait):
    """The head of a stream that was opened before the run names no execution; and numbers of two runs are not comparable."""
    edge = deployment.named[EDGES[0]]
    agent = Executions(deployment.intake, "agents", "relay race", tenant)
    tabs = [open_tab(), open_tab()]
    if not wait:
        agent.progress(0, 0.1)
    for tab in tabs:
        tab.follow("execution", "execution", "agent", "relay race", {"wait": wait}).wait_state("execution", "live")
    agent.progress(*([0.2] * (5 if wait else 3)))
    for tab in tabs:
        eventually(lambda tab=tab: len(tab.events("execution")) == 5, "both have it")
    assert [tab.state("execution")["leader"] for tab in tabs] == [True, False]
    edge.kill()
    agent.publish(("progress", {"progress": 0.9}), ("complete", {"result": "first"}))
    agent.progress(*([0.5] * 9))
    browser.close_tab(tabs[0])
    edge.start().wait_ready()
    assert tabs[1].wait_state("execution", "ended")["reason"] == "completed"
    events = tabs[1].events("execution")
    assert [event["id"] for event in events] == [str(n) for n in range(1, 8)]
    assert events[-1]["data"] == {"result": "first"}
    [run] = {event.get("execution") for event in events}
    assert run
    assert tabs[1].run("return streams.execution.stream.lastEventId") == "7"


def test_a_run_that_another_one_supersedes(open_tab, tenant):
    """A dead producer never ends its run; a fake server avoids waiting for the time after which another run may begin."""
    tab = open_tab(tickets=False)
    tab.run(
        """const runs = ["one run", "another/run"], encoder = new TextEncoder();
        const events = (...list) => encoder.encode(list.map(([id, type]) => `id: ${id}\nevent: ${type}\ndata: {}\n\n`).join(""));
        const headers = { "Content-Type": "text/event-stream" };
        window.asked = [];
        window.fetch = async (url, init) => {
            if (init.method === "HEAD") return new Response(null, { headers: { "Causeway-Execution": encodeURIComponent(runs.shift()) } });
            asked.push([new URL(url).searchParams.get("execution"), new Headers(init.headers).get("Last-Event-ID")]);
            const isFirst = asked.length === 1;
            return new Response(isFirst ? events([1, "progress"], [2, "progress"], [1, "progress"]) : events([2, "complete"]), { headers });
        };"""
    )
    tab.follow("execution", "execution", "agent", "any", {"wait": True})
    assert tab.wait_state("execution", "ended")["reason"] == "completed"
    seen = [(event["id"], event["execution"]) for event in tab.events("execution")]
    assert seen == [("1", "one run"), ("2", "one run"), ("1", "another/run"), ("2", "another/run")]
    assert tab.run("return asked") == [[None, ""], ["another/run", "1"]]


def test_iterating(deployment, open_tab, tenant):
    tab = open_tab()
    tab.follow("notifications", "notifications").wait_state("notifications", "live")
    tab.run(
        """window.seen = [];
        window.done = (async () => {
            for await (const event of streams.notifications.stream) if (seen.push(event.data.n) === 3) break;
        })();"""
    )
    deployment.intake.publish(*numbered(5, tenant))
    tab.run("return done")
    assert tab.run("return seen") == [0, 1, 2]
    assert tab.state("notifications")["reason"] == "closed"


# MARK: Breaks


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["drained", "killed"])
def test_an_edge_that_restarts_loses_and_doubles_nothing(deployment, open_tab, tenant, number):
    tab = open_tab()
    follow_all(tab)
    flow = Flow(deployment.intake, numbered(300, tenant), rate=75, batch=5)
    flow.start()
    eventually(lambda: flow.accepted > 50, "events flow")
    for edge in deployment.named.values():
        edge.signal(number)
    for edge in deployment.named.values():
        edge.wait(timeout=15)
        edge.start()
    flow.finish(timeout=60)
    expect_all(tab, 300)
    if number == signal.SIGTERM:
        for stream in STREAMS:
            assert "waiting draining" in tab.states(stream), tab.states(stream)


def test_the_network_is_lost_and_regained(deployment, open_tab, tenant):
    tab = open_tab(backoff={})
    follow_all(tab)
    deployment.intake.publish(*numbered(5, tenant))
    expect_all(tab, 5)
    tab.network(offline=True)
    for stream in STREAMS:
        assert tab.wait_state(stream, "offline")["retryInMs"] > 0
    deployment.intake.publish(*numbered(5, tenant, begin=5))
    tab.network(offline=False)
    expect_all(tab, 10)
    for stream in STREAMS:
        assert "connecting online" in tab.states(stream)


def test_silence_is_a_broken_connection(deployment, open_tab, tenant):
    """A process that hangs, or a network that drops all packets, sends nothing."""
    tab = open_tab(silence={"notifications": 3_000, "workspace": 3_000})
    streams = ("notifications", "workspace")
    for stream in streams:
        tab.follow(stream, stream).wait_state(stream, "live")
    edges = [edge_of(deployment, stream) for stream in streams]
    for edge in edges:
        edge.signal(signal.SIGSTOP)
    try:
        deployment.intake.publish(*numbered(5, tenant))
        for stream in streams:
            eventually(lambda stream=stream: "waiting silence" in tab.states(stream), f"{stream} notices", timeout=30)
    finally:
        for edge in edges:
            edge.signal(signal.SIGCONT)
    expect_all(tab, 5, streams)


def test_a_gap_is_told_to_all_tabs(deployment, open_tab, tenant):
    tabs = [open_tab() for _ in range(3)]
    streams = ("notifications", "workspace")
    for tab in tabs:
        for stream in streams:
            tab.follow(stream, stream).wait_state(stream, "live")
    first = deployment.intake.publish(*numbered(5, tenant))[-1]
    for tab in tabs:
        expect_all(tab, 5, streams)
    for stream in streams:
        edge_of(deployment, stream).kill()
    ids = deployment.intake.publish(*numbered(5, tenant, begin=5))
    deployment.bus.purge(before=Cursor.parse(ids[3]).sequence)
    for stream in streams:
        edge_of(deployment, stream).start()
    for tab in tabs:
        for stream in streams:
            eventually(lambda tab=tab, stream=stream: len(tab.numbers(stream)) == 7, "what is still kept comes", timeout=30)
            assert tab.numbers(stream) == [0, 1, 2, 3, 4, 8, 9]
            [gap] = tab.log(stream, "gap")
            assert gap["reason"] == "expired" and first < ids[0] <= gap["missedBefore"] <= ids[3]


def test_a_place_that_nobody_knows(deployment, open_tab, tenant):
    tab = open_tab()
    for stream in ("notifications", "workspace"):
        tab.follow(stream, stream, {"lastEventId": UNKNOWN}).wait_state(stream, "live")
        eventually(lambda stream=stream: [gap["reason"] for gap in tab.log(stream, "gap")] == ["unknown_cursor"], "it is told")
    tab.follow("relay", "relay").wait_state("relay", "live")
    tab.run("return streams.relay.stream.subscribe(...arguments)", INCIDENT, {"lastEventId": UNKNOWN})
    eventually(lambda: {gap["reason"] for gap in tab.log("relay", "gap")} == {"unknown_cursor"}, "the relay tells it")
    deployment.intake.publish(*numbered(2, tenant))
    for stream in STREAMS:
        eventually(lambda stream=stream: tab.numbers(stream) == [0, 1], f"{stream} is live")


def test_no_server_keeps_a_stream_away_for_ever(open_tab, tenant):
    """A browser's timer of more than 25 days fires immediately: the client would poll the server without a pause."""
    tab = open_tab(tickets=False)
    tab.run(
        """const seconds = 99_999_999_999;
        window.answers = {
            notifications: () => new Response("{}", { status: 503, headers: { "Retry-After": seconds } }),
            execution: () => new Response(`retry: ${seconds}000\n\nevent: stream.end\ndata: {"reason":"draining"}\n\n`,
                { headers: { "Content-Type": "text/event-stream" } }),
        };
        window.asked = { notifications: 0, execution: 0 };
        window.fetch = async (url) => {
            const name = String(url).includes("notifications") ? "notifications" : "execution";
            asked[name] += 1;
            return answers[name]();
        };"""
    )
    tab.follow("notifications", "notifications").follow("execution", "execution", "agent", "any")
    for stream in ("notifications", "execution"):
        assert tab.wait_state(stream, "waiting")["retryInMs"] == 3_600_000
    # Timers that fire immediately have fired by now.
    tab.run("return new Promise((resolve) => setTimeout(resolve, 100))")
    assert tab.run("return asked") == {"notifications": 1, "execution": 1}


# MARK: Tokens


def test_the_token_is_renewed_before_it_expires(deployment, open_tab, tenant):
    tab = open_tab([short := mint(tenant, lifetime=20), mint(tenant)])
    follow_all(tab)
    flow = Flow(deployment.intake, numbered(200, tenant), rate=20, batch=2)
    flow.start()
    eventually(lambda: "connecting token_refreshed" in tab.states("notifications"), "SSE connects again with the new one", timeout=30)
    flow.finish(timeout=60)
    expect_all(tab, 200)
    requests = tab.run("return tokenRequests")
    assert [request["reason"] for request in requests] == ["first", "expiring"], "one call serves all streams"
    assert requests[1]["previous"] == short
    assert tab.run("return tokenNotices") == ["renewed"]
    for stream in STREAMS:
        assert not any("unauthorized" in state or "token_expired" in state for state in tab.states(stream))
    for stream in ("workspace", "relay"):
        assert tab.states(stream) == ["connecting start", "live None"], "it is renewed in place"


def test_a_token_that_is_refused_is_asked_for_again(deployment, open_tab, tenant):
    # The services do not know who signed it; the page cannot see that.
    tab = open_tab([mint(tenant, secret="s" * 64), mint(tenant)], share=False)
    for stream in STREAMS:
        tab.follow(stream, stream).wait_state(stream, "live")
    assert [request["reason"] for request in tab.run("return tokenRequests")] == ["first", "refused"]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_token_that_stays_refused_ends_the_stream(deployment, open_tab, tenant, stream):
    tab = open_tab(mint(tenant, secret="s" * 64), fixedToken=True)
    tab.follow(stream, stream)
    assert tab.wait_state(stream, "ended")["reason"] == "unauthorized"
    assert tab.states(stream)[0] == "connecting start" and "waiting" not in str(tab.states(stream))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_token_that_cannot_be_renewed_ends_the_stream_with_it(open_tab, tenant, stream):
    tab = open_tab(mint(tenant, lifetime=20), fixedToken=True)
    tab.follow(stream, stream).wait_state(stream, "live")
    assert tab.wait_state(stream, "ended", timeout=60)["reason"] == "token_expired"


def test_who_may_not_is_not_let_in_by_asking_again(deployment, open_tab, tenant):
    tab = open_tab(mint(tenant, roles=["producer"]))
    tab.follow("workspace", "workspace", {"workspaceId": "another"})
    assert tab.wait_state("workspace", "ended")["reason"] == "wrong_workspace"
    for stream in ("notifications", "relay"):
        tab.follow(stream, stream)
        assert tab.wait_state(stream, "ended")["reason"] == "forbidden"
    assert tab.states("workspace") == ["connecting start", "ended wrong_workspace"], "it tried again"


@pytest.mark.parametrize("stream", ["workspace", "relay"])
def test_a_token_that_no_websocket_can_carry_ends_the_stream(open_tab, tenant, stream):
    tab = open_tab(mint(tenant) + "=", fixedToken=True, tickets=False)
    tab.follow(stream, stream)
    assert tab.wait_state(stream, "ended")["reason"] == "not_a_token"
    assert [error["code"] for error in tab.log(stream, "error")] == ["not_a_token"]


def test_a_token_with_other_roles_takes_the_stream_to_its_like(deployment, open_tab, tenant):
    admin = open_tab(mint(tenant, roles=["member", "admin"]))
    admin.follow("notifications", "notifications").wait_state("notifications", "live")
    tab = open_tab([mint(tenant, lifetime=20), mint(tenant, roles=["admin", "member"])])
    tab.follow("notifications", "notifications").wait_state("notifications", "live")
    assert tab.state("notifications")["leader"] and connections(deployment, "notifications") == 2
    flow = Flow(deployment.intake, numbered(200, tenant), rate=15, batch=3)
    flow.start()
    eventually(lambda: not tab.state("notifications")["leader"], "it follows the other", timeout=30)
    flow.finish(timeout=60)
    expect_all(tab, 200, ["notifications"])
    eventually(lambda: connections(deployment, "notifications") == 1, "they share a connection")


def test_no_token_any_more(open_tab, tenant):
    tab = open_tab(mint(tenant, lifetime=40))
    for stream in STREAMS:
        tab.follow(stream, stream).wait_state(stream, "live")
    tab.run("window.tokens = [null]")
    for stream in STREAMS:
        assert tab.wait_state(stream, "ended", timeout=60)["reason"] == "signed_out"


def test_a_source_of_tokens_that_fails_is_asked_again(open_tab, tenant):
    tab = open_tab(mint(tenant))
    tab.run(
        """const get = async () => { if (tokenRequests.push({}) < 3) throw new Error("no answer"); return tokens[0]; };
        causeway = new library.Causeway({ token: get, backoff: { first: 10 } });"""
    )
    tab.follow("notifications", "notifications").wait_state("notifications", "live")
    assert tab.states("notifications")[:2] == ["waiting token_unavailable"] * 2
    assert tab.log("notifications", "error")[0] == {"code": "token_unavailable", "message": "no answer"}


def test_fetch_has_the_token_and_keeps_it_from_others(open_tab, tenant):
    tab = open_tab([mint(tenant, secret="s" * 64), mint(tenant)])
    assert tab.run("return causeway.fetch('/v1/relay/status').then((response) => response.status)") == 200
    assert [request["reason"] for request in tab.run("return tokenRequests")] == ["first", "refused"]
    assert tab.run("return causeway.fetch('https://elsewhere.example/').catch((error) => error.name)") == "TypeError"


# MARK: The relay


def test_requests_progress_and_giving_up(deployment, open_tab, tenant):
    command = [sys.executable, ROOT / "docs/examples/responder.py"]
    service = Process("responder", command, deployment.directory, {"NATS_URL": deployment.nats.url})
    deployment.add(service)
    service.wait_until(lambda: "listening" in service.log, "it listens", timeout=30)
    tabs = [open_tab(), open_tab()]
    for tab in tabs:
        tab.follow("relay", "relay").wait_state("relay", "live")
    # The second tab's calls go over the first one's connection.
    for tab in tabs:
        [result, progress] = tab.run(
            """const progress = [], onProgress = ({ step }) => progress.push(step);
            return streams.relay.stream.request("agent.analyze", { incidentId: "inc_1", steps: 3, pause: 0.01 }, { onProgress })
                .then((result) => [result, progress]);"""
        )
        assert result["rootCause"] and progress == [1, 2, 3]
        ask = "return streams.relay.stream.request(arguments[0], arguments[1], arguments[2]).catch((error) => error.code)"
        assert tab.run(ask, "agent.dance", {}, {}) == -32601
        slow = {"incidentId": "inc_1", "steps": 20, "pause": 0.1}
        assert tab.run(ask, "agent.analyze", slow, {"timeout": 100}) == "timeout"
        given_up = """const abort = new AbortController();
            return streams.relay.stream.request("agent.analyze", arguments[0], { signal: abort.signal, onProgress: () => abort.abort() })
                .catch((error) => error.name);"""
        assert tab.run(given_up, slow) == "AbortError"
    # Outstanding requests fail: they may have been executed, so they are not sent again.
    relay = edge_of(deployment, "relay")
    lost = """window.answer = streams.relay.stream.request("agent.analyze", arguments[0], { onProgress: () => window.isUnderWay = true })
        .catch((error) => error.code);"""
    for tab in tabs:
        tab.run(lost, slow)
        eventually(lambda tab=tab: tab.run("return window.isUnderWay"), "it is under way")
    relay.kill()
    relay.start()
    for tab in tabs:
        assert tab.run("return window.answer") == "connection_lost"
        assert tab.run("return streams.relay.stream.request('ping')") == {"pong": True}
    deployment.remove(service)


def test_params_that_json_cannot_say(deployment, open_tab, tenant):
    for tab in (open_tab(), open_tab()):
        tab.follow("relay", "relay").wait_state("relay", "live")
        ask = "const loop = {}; loop.loop = loop; return streams.relay.stream.request('ping', %s).then(JSON.stringify, (error) => error.code)"
        assert [tab.run(ask % params) for params in ("loop", "{ n: 1n }")] == ["invalid_params"] * 2
        # As JSON, not as it is.
        assert tab.run(ask % "{ on() {} }") == '{"pong":true}'


def test_subscriptions_of_tabs_do_not_get_in_each_others_way(deployment, open_tab, tenant):
    one, other = open_tab(), open_tab()
    for tab in (one, other):
        tab.follow("relay", "relay").wait_state("relay", "live")
    subscribe, unsubscribe = (f"return streams.relay.stream.{verb}(...arguments)" for verb in ("subscribe", "unsubscribe"))
    one.run(subscribe, INCIDENT)
    one.run(subscribe, "inc_other")
    deployment.intake.publish(*numbered(3, tenant))
    eventually(lambda: one.numbers("relay") == [0, 1, 2], "who subscribed gets them")
    assert other.numbers("relay") == []
    # From the beginning, on the connection on which the other tab has received them.
    other.run(subscribe, INCIDENT, {"lastEventId": ""})
    eventually(lambda: other.numbers("relay") == [0, 1, 2], "who asks for the past gets it")
    one.run(unsubscribe, INCIDENT)
    deployment.intake.publish(*numbered(2, tenant, begin=3))
    eventually(lambda: other.numbers("relay") == [0, 1, 2, 3, 4], "the other's goes on")
    assert one.numbers("relay") == [0, 1, 2]
    assert other.log("relay", "gap") == one.log("relay", "gap") == []


# MARK: Tabs


def test_eight_tabs_share_one_connection_and_outlive_their_leader(deployment, browser, open_tab, tenant):
    """Eight are more than HTTP/1.1 would allow."""
    tabs = [open_tab() for _ in range(8)]
    for tab in tabs:
        follow_all(tab)
    assert [connections(deployment, stream) for stream in STREAMS] == [1, 1, 1]
    assert [tab.state("notifications")["leader"] for tab in tabs] == [True] + [False] * 7
    flow = Flow(deployment.intake, numbered(300, tenant), rate=50, batch=5)
    flow.start()
    for leader in tabs[:2]:
        eventually(lambda leader=leader: leader.state("notifications")["leader"], "it leads")
        accepted = flow.accepted
        eventually(lambda accepted=accepted: flow.accepted > accepted + 20, "events flow")
        browser.close_tab(leader)
    flow.finish(timeout=60)
    for tab in tabs[2:]:
        expect_all(tab, 300)
    assert [connections(deployment, stream) for stream in STREAMS] == [1, 1, 1]
    assert sum(tab.state("workspace")["leader"] for tab in tabs[2:]) == 1


def test_no_tab_acts_with_the_roles_of_another(deployment, open_tab, tenant):
    """Commands are sent with the roles of the token that the leader's connection was opened with."""
    tabs = [open_tab(mint(tenant, roles=roles)) for roles in (["admin", "member"], ["member"], ["member", "admin"])]
    for tab in tabs:
        tab.follow("relay", "relay").wait_state("relay", "live")
    assert [tab.state("relay")["leader"] for tab in tabs] == [True, True, False]
    assert connections(deployment, "relay") == 2


def test_a_tab_that_is_put_aside_leads_no_more_and_comes_back(deployment, open_tab, tenant):
    tabs = [open_tab(), open_tab()]
    for tab in tabs:
        follow_all(tab)
    deployment.intake.publish(*numbered(3, tenant))
    for tab in tabs:
        expect_all(tab, 3)
    tabs[0].run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    for stream in STREAMS:
        eventually(lambda stream=stream: tabs[1].state(stream)["leader"], "the other leads")
    deployment.intake.publish(*numbered(3, tenant, begin=3))
    expect_all(tabs[1], 6)
    assert len(tabs[0].numbers("notifications")) == 3, "a page that is put aside hears nothing"
    tabs[0].run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect_all(tabs[0], 6)
    deployment.intake.publish(*numbered(3, tenant, begin=6))
    for tab in tabs:
        expect_all(tab, 9)
    assert [connections(deployment, stream) for stream in STREAMS] == [1, 1, 1]


def test_a_leader_that_hangs_is_replaced(deployment, open_tab, tenant):
    tabs = [open_tab(), open_tab()]
    for tab in tabs:
        follow_all(tab)
    # It keeps its locks, and sends nothing more.
    tabs[0].run("BroadcastChannel.prototype.postMessage = () => {}")
    deployment.intake.publish(*numbered(5, tenant))
    expect_all(tabs[1], 5, timeout=90)
    for stream in STREAMS:
        eventually(lambda stream=stream: not tabs[0].state(stream)["leader"], "the one that hangs has been told")
        assert tabs[1].state(stream)["leader"] and "connecting replaced" in tabs[0].states(stream)


def test_who_comes_late_gets_the_state_and_the_past_it_asks_for(deployment, open_tab, tenant):
    [first] = deployment.intake.publish(*numbered(1, tenant))
    early = open_tab()
    for stream in ("notifications", "workspace"):
        early.follow(stream, stream).wait_state(stream, "live")
    deployment.intake.publish(*numbered(4, tenant, begin=1))
    for stream in ("notifications", "workspace"):
        eventually(lambda stream=stream: early.numbers(stream) == [1, 2, 3, 4], "what comes")
    ids = [event["id"] for event in early.events("notifications")]
    late = open_tab()
    for stream in ("notifications", "workspace"):
        late.follow(f"{stream} live", stream).wait_state(f"{stream} live", "live")
        late.follow(f"{stream} known", stream, {"lastEventId": ids[1]})
        # Older than the leader's events: the server has it.
        late.follow(f"{stream} older", stream, {"lastEventId": ""})
        eventually(lambda stream=stream: late.numbers(f"{stream} known") == [3, 4], "what the leader has seen")
        eventually(lambda stream=stream: late.numbers(f"{stream} older") == [0, 1, 2, 3, 4], "what it has not")
    deployment.intake.publish(*numbered(2, tenant, begin=5))
    for stream in ("notifications", "workspace"):
        eventually(lambda stream=stream: late.numbers(f"{stream} live") == [5, 6], "what comes")
        eventually(lambda stream=stream: late.numbers(f"{stream} known") == [3, 4, 5, 6], "what comes")
        eventually(lambda stream=stream: late.numbers(f"{stream} older") == list(range(7)), "what comes")
        assert early.numbers(stream) == [1, 2, 3, 4, 5, 6], "somebody else's past is none of its business"
        eventually(lambda stream=stream: connections(deployment, stream) == 1, "there is one connection again")


def test_closing_a_stream_closes_its_connection(deployment, open_tab, tenant):
    tab = open_tab(share=False)
    follow_all(tab)
    assert [connections(deployment, stream) for stream in STREAMS] == [1, 1, 1]
    tab.run("for (const { stream } of Object.values(streams)) stream.close()")
    for stream in STREAMS:
        eventually(lambda stream=stream: connections(deployment, stream) == 0, f"{stream} is closed")
        assert tab.states(stream)[-1] == "ended closed" and tab.log(stream, "error") == []


# MARK: Pure parts, in the browser's own engine

_STREAM = """\ufeff: a comment\r
event: a.b\r\ndata: {"text":"\u00e4\u20ac\ud83d\ude80"}\nid: evt_1\r\rdata: one\rdata:two\ndata\nid: with\0nul\nretry: 250\n\nretry: 2s
event
data:  leads with a space\nunknown: field\n\nid\n\ndata: never ends"""

_BLOCKS = [
    {"type": "a.b", "data": '{"text":"\u00e4\u20ac\U0001f680"}', "id": "evt_1", "retry": None},
    {"type": "message", "data": "one\ntwo\n", "id": None, "retry": 250},
    {"type": "message", "data": " leads with a space", "id": None, "retry": None},
    {"type": "message", "data": None, "id": "", "retry": None},
]


def test_event_streams_may_be_cut_anywhere(open_tab):
    split = """const bytes = new TextEncoder().encode(arguments[0]), results = new Set();
        const read = (...pieces) => {
            const parser = new library.EventStreamParser();
            results.add(JSON.stringify(pieces.flatMap((piece) => parser.feed(piece))));
        };
        read(bytes);
        read(...[...bytes].map((byte) => Uint8Array.of(byte)));
        for (let first = 0; first <= bytes.length; first++) {
            for (let second = first; second <= bytes.length; second++) {
                read(bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second));
            }
        }
        return [...results].map(JSON.parse);"""
    assert open_tab().run(split, _STREAM) == [_BLOCKS], "it depends on where the pieces end"


def test_waiting_grows_within_its_bounds(open_tab):
    delays = """const backoff = { first: 500, factor: 2, max: 30_000, jitter: 0.5 };
        return [0, 1].map((chance) => [0, 1, 5, 6, 7, 5_000].map((attempt) => library.backoffDelay(attempt, backoff, () => chance)));"""
    longest = [500, 1_000, 16_000, 30_000, 30_000, 30_000]
    assert open_tab().run(delays) == [longest, [delay / 2 for delay in longest]]


def test_what_a_token_says_and_which_place_comes_first(open_tab):
    tab = open_tab()
    assert tab.run("return library.readClaims(arguments[0]).sub", mint(user="\u00e4nn\u20ac\U0001f680")) == "\u00e4nn\u20ac\U0001f680"
    for text in ("", "a.b.c", "no token", 7):
        assert tab.run("try { library.readClaims(arguments[0]) } catch (error) { return error.code }", text) == "not_a_token"
    early, late = "evt_01M7YZSJBYPCZ0000000000002", "evt_01M7YZSHDCPCZ000000000000A"
    # Another log: the sixteen bits before the last sixty-four differ.
    foreign = "evt_01M7YZSHDCQCZ000000000000A"
    compare = "return String(library.compareCursors(...arguments))"
    cases = {(early, late): "-1", (late, early): "1", (late, late): "0", (early, foreign): "NaN", ("", early): "NaN", (early, "7"): "NaN"}
    assert {pair: tab.run(compare, *pair) for pair in cases} == cases


def test_the_former_address_gives_the_same_client(open_tab):
    former = "return import('/console/causeway.js').then((former) => Object.keys(library).map((name) => [name, former[name] === library[name]]))"
    exported = open_tab().run(former)
    assert ["Causeway", True] in exported and all(is_same for _, is_same in exported)
