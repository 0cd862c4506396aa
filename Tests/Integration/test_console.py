"""The console (docs/console.md) in a real browser, with real services: its display is correct, and its actions have their effect."""

import httpx
import pytest
from selenium.webdriver.common.keys import Keys

from causeway_kit.approvals import ApprovalClient, requested
from causeway_kit.console import LANES, MOST_ROWS, expect_accessible
from causeway_kit.console_fixtures import console_fixtures, publish_fixture
from causeway_kit.cursors import Cursor
from causeway_kit.executions import Executions
from causeway_kit.intake import Flow
from causeway_kit.proxy import Nginx
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

PHONE = {"width": 360, "height": 780, "mobile": True}

pytestmark = pytest.mark.timeout(300)

deployment, browser, console = console_fixtures()
publish = publish_fixture()


def expect_newest(tab, ids):
    """Waits until the table has exactly the newest of these events, each once.

    A page that is behind makes no row for an event that would leave the table at once. The streams' figures count such events too.
    Sorts the ids by sequence: the time in a cursor may be earlier than its neighbours' after a retried append.
    """
    assert set(tab.arrivals()) <= set(ids)
    newest = sorted(ids, key=lambda id: Cursor.parse(id).sequence, reverse=True)[:MOST_ROWS]
    tab.wait_for(lambda: tab.rows() == newest, "the table has the newest events")


def progress(n, tenant="acme", incident="inc_1"):
    payload = {"incidentId": incident, "message": f"finding {n}", "agentName": "logs", "n": n}
    return {"type": "investigation.progress", "tenant": tenant, "id": f"{tenant}-{incident}-{n}", "payload": payload}


# MARK: How it is served


def test_it_is_served_so_that_nothing_foreign_runs_in_it(deployment):
    nginx = deployment.nginx
    for origin in (nginx.url, nginx.tls_url):
        with httpx.Client(verify=nginx.trust) as client:
            for path in ("/", "/console"):
                to = client.get(origin + path)
                assert (to.status_code, to.headers["location"]) == (302, "/console/")
            types = {"": "text/html", "console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
            types |= {"manifest.webmanifest": "application/manifest+json", "icon-192.png": "image/png"}
            types |= {"causeway/causeway.js": "text/javascript", "causeway/core/errors.js": "text/javascript", "causeway.js": "text/javascript"}
            for name, type in types.items():
                answer = client.get(f"{origin}/console/{name}")
                assert answer.status_code == 200 and answer.headers["content-type"].split(";")[0] == type
                policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
                assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
                assert {policy[source] for source in ("script-src", "style-src", "connect-src", "img-src", "manifest-src")} == {"'self'"}
                assert policy["require-trusted-types-for"] == "'script'" and policy["trusted-types"] == "'none'"
                assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"
                assert answer.headers["cache-control"] == "no-cache"
                # Compressed by httpx's default Accept-Encoding, but for what is compressed already.
                assert answer.headers.get("content-encoding") == (None if name.endswith(".png") else "gzip")
                known = {"If-None-Match": answer.headers["etag"]}
                assert client.get(f"{origin}/console/{name}", headers=known).status_code == 304
            for name in ("nothing.js", "causeway/nothing.js", "causeway/package.json", "causeway/test/updates.test.js", "test/updates.test.js"):
                assert client.get(f"{origin}/console/{name}").json()["error"] == "not_found"


def test_the_demos_tokens_are_for_nobody_else(deployment):
    nginx = deployment.nginx
    url = f"{nginx.url}/console/demo.json"
    answer = httpx.get(url)
    assert [person["label"] for person in answer.json()["people"]] == ["olga, admin of acme"]
    assert "content-encoding" not in answer.headers, "a compressed length can reveal tokens"
    # A DNS rebinding page sends its own host name.
    assert httpx.get(url, headers={"Host": f"evil.example:{nginx.http_port}"}).status_code == 404
    assert httpx.get(url, headers={"Host": f"localhost:{nginx.http_port}"}).status_code == 200
    alone = deployment.add(Nginx(deployment.directory, {"event-producer": [deployment.producer]}, name="nginx-without-demo")).wait_ready()
    assert httpx.get(f"{alone.url}/console/demo.json").status_code == 404
    assert httpx.get(f"{alone.url}/console/").status_code == 200
    deployment.remove(alone)


# MARK: What it shows


def test_somebody_of_the_demo_sees_events_on_all_streams(deployment, console):
    tab = console()
    tab.click("#demo-people button")
    tab.wait_live()
    assert "olga · acme · admin" in tab.text("#who") and tab.text("#overall-text")
    created = {"incidentId": "inc_demo", "title": "Checkout is slow", "severity": "high", "service": "checkout"}
    [first] = deployment.intake.publish({"type": "incident.created", "tenant": "acme", "payload": created})
    tab.wait_for_row(first, ("sse", "websocket"))
    [second] = deployment.intake.publish(progress(1, "acme", "inc_demo"))
    row = tab.wait_for_row(second)
    assert "investigation.progress" in row["what"] and "logs: finding 1" in row["what"]
    assert all(row[lane].endswith((" ms", " s")) for lane in LANES)
    assert tab.text("#incidents .title") == "Checkout is slow" and "investigating" in tab.text("#incidents .pill")
    assert {name: (lane["received"], lane["gaps"], lane["twice"]) for name, lane in tab.lanes().items()} == {
        "sse": (2, 0, 0),
        "websocket": (2, 0, 0),
        "relay": (1, 0, 0),
    }
    tab.wait_for_text("#overall-text", "Live")
    tab.click("#overall")
    tab.wait_for_text("#rate-text", "A second: SSE ")
    # The token is in this tab only, and in no URL of the page.
    assert tab.run("return [sessionStorage.length, localStorage.length, document.cookie, location.href.includes('eyJ')]") == [1, 0, "", False]
    tab.driver.refresh()
    tab.wait_live()
    tab.click("#sign-out")
    tab.wait_for(lambda: tab.find("#token").is_displayed(), "it asks who is there")
    assert tab.run("return sessionStorage.getItem('causeway.token')") is None


def test_a_token_that_is_not_good_is_refused_with_a_reason(console):
    tab = console()
    for token, reason in [
        ("nothing", "This is not a token"),
        (mint(lifetime=-60), "has expired"),
        (mint(secret="x" * 64), "token"),
        (mint(roles=("producer",)), "role"),
    ]:
        tab.find("#token").clear()
        tab.enter(token)
        tab.wait_for_text("#sign-in-error", reason)
        assert not tab.find("#console").is_displayed()


def test_a_page_outlives_its_token(console, tenant):
    """test_browser_tokens.py has what goes on in it."""
    tab = console()
    tab.enter(mint(tenant, lifetime=8))
    tab.wait_for(lambda: tab.find("#console").is_displayed(), "it is let in")
    tab.wait_for_text("#renewal-text", "Your token has expired")
    assert tab.find("#console").is_displayed() and not tab.find("#sign-in").is_displayed()
    expect_accessible(tab)
    tab.click("#renewal-open")
    expect_accessible(tab)
    # Another page, or the same one after a reload, needs a token to begin.
    tab.driver.refresh()
    tab.wait_for_text("#sign-in-error", "This token has expired")
    assert tab.find("#token").is_displayed() and tab.run("return sessionStorage.getItem('causeway.token')") is None


def test_the_page_keeps_the_last_rows_and_can_be_held_still(deployment, console, publish, tenant):
    tab = console().sign_in(mint(tenant))
    deployment.intake.publish(*(progress(n, tenant) for n in range(300)))
    tab.wait_for(lambda: tab.lane("sse")["received"] == tab.lane("websocket")["received"] == 300, "all have come")
    # As many at once are a flood: the table is filled when that is over.
    tab.wait_for(lambda: tab.count("#events tbody tr") == MOST_ROWS, "the last ones have a row")
    assert tab.text("#events .count") == str(MOST_ROWS)
    tab.click("#events-pause")
    held = publish("load.tick", title="held")
    tab.wait_for_text("#events-pause", "1 new")
    assert tab.row(held) is None
    tab.click("#events-pause")
    assert "held" in tab.wait_for_row(held, ("sse", "websocket"))["what"]
    tab.find("#events-filter").send_keys("tick")
    tab.wait_for(lambda: tab.run("return document.querySelectorAll('#events tbody tr:not([hidden])').length") == 1, "one passes the filter")


def test_notifications_are_counted_and_marked_read(console, publish, tenant):
    tab = console().sign_in(mint(tenant, "ann"))
    for n in (1, 2, 3):
        publish("notification.created", user="ann" if n < 3 else "bob", id=f"ntf_{n}", title=f"Number {n}", body="To be read")
    tab.wait_for_text("#notifications .count", "2")
    assert tab.texts("#notifications .title") == ["Number 2", "Number 1"] and tab.driver.title == "(2) Causeway console"
    tab.click("#notifications [data-read=false] button")
    tab.wait_for(lambda: tab.text("#notifications .count") == "1", "one is read")
    assert tab.count("#notifications [data-read=true]") == 1
    tab.click("#read-all")
    tab.wait_for(lambda: tab.text("#notifications .count") == "" and tab.driver.title == "Causeway console", "all are read")


def test_a_progress_bar_fills_from_run_to_run(deployment, console, tenant):
    tab = console().sign_in(mint(tenant))
    runs = Executions(deployment.intake, "agents", "builder 1/2", tenant)
    tab.find("#follow-name").send_keys("builder 1/2")
    tab.click("#follow button")

    def shown():
        return tab.run("const [it] = document.querySelectorAll('#executions .item'); return [it.dataset.state, it.querySelector('progress').value]")

    runs.publish(("progress", {"step": "reading", "message": "Reading the code", "progress": 0.25}))
    tab.wait_for(lambda: shown() == ["running", 0.25], "it has begun")
    assert tab.text("#executions .last") == "reading: Reading the code"
    runs.publish(("progress", {"progress": 0.5}), ("complete", {"result": "Built", "duration": 2500}))
    tab.wait_for(lambda: shown() == ["complete", 1], "it is done")
    assert "Built" in tab.text("#executions .last") and "2.5 s" in tab.text("#executions time")
    runs.publish(("progress", {"progress": 0.1}))
    tab.wait_for(lambda: shown() == ["running", 0.1], "the next run is followed")
    tab.click("#executions .item button")
    assert tab.count("#executions .item") == 0


def test_only_the_tab_that_is_looked_at_follows_executions(deployment, console, tenant):
    """Two users' tabs have separate connections; the executions of both would exceed the connection limit of HTTP/1.1."""

    def connections():
        return deployment.services["sse"].metrics()["causeway_edge_connections"]

    eventually(lambda: connections() == 0, "earlier tests' connections have gone")
    tabs = [console(), console()]
    for number, tab in enumerate(tabs):
        tab.sign_in(mint(f"{tenant}_{number}"))
        tab.find("#follow-name").send_keys(f"agent {number}")
        tab.click("#follow button")
    for number, tab in enumerate(tabs):
        tab.driver.execute_script("window.focus()")
        Executions(deployment.intake, "agents", f"agent {number}", f"{tenant}_{number}").progress(0.25)
        tab.wait_for_text("#executions .pill", "running")
        eventually(lambda: connections() == 3, "there is a stream for each user, and this tab's execution")


# MARK: Addresses


def test_everything_has_an_address(deployment, console, publish, tenant):
    """Back, forward, reload and a link that somebody was sent lead to the same thing, also before the page was opened."""
    token = mint(tenant, "ann")
    created = publish("incident.created", incidentId="inc/1", title="Checkout is slow", severity="high", service="checkout")
    publish("investigation.progress", incidentId="inc/1", message="Looking", agentName="logs", step=1, steps=3)
    tick = publish("load.tick", title="of no type that a page reads by itself")
    tab = console()
    tab.driver.get(tab.driver.current_url + "#/incidents/inc%2F1")
    tab.sign_in(token)
    tab.wait_for(lambda: tab.count(".timeline .step") == 2, "the last hour is there")
    assert tab.text("#incident h3") == "Checkout is slow" and not tab.find("#approvals").is_displayed()
    publish("incident.status_changed", incidentId="inc/1", previousStatus="open", status="resolved")
    tab.wait_for(lambda: tab.count(".timeline .step") == 3, "it goes on live")
    assert tab.text("#incident .pill") == "resolved" and tab.text("#places [aria-current=page]") == "Incidents"
    tab.click(f"[data-id={created}] a")
    tab.wait_for_text("#event code", '"severity": "high"')
    assert "Events" in tab.driver.title and not tab.find("#incidents").is_displayed()
    tab.driver.back()
    tab.wait_for(lambda: tab.find("#incident h3").is_displayed(), "back leads to the incident")
    tab.driver.forward()
    tab.wait_for(lambda: tab.find("#event pre").is_displayed(), "forward leads to the event")
    tab.driver.refresh()
    tab.wait_for_text("#event code", '"severity": "high"')
    tab.run("location.hash = arguments[0]", f"#/events/{tick}")
    tab.wait_for_text("#event code", "of no type")
    tab.run("location.hash = '#/events/evt_01HX9VTPQR3KF0MZWBYD5N6JCE'")
    tab.wait_for_text("#event", "no event evt_01HX9VTPQR3KF0MZWBYD5N6JCE that you may see")
    tab.run("location.hash = '#/executions/agent/builder%201'")
    tab.wait_for(lambda: tab.count("#executions a[aria-current=true]"), "an execution is followed by its address")
    tab.run("location.hash = '#/nowhere'")
    tab.wait_for(lambda: tab.find("#lost").is_displayed(), "an address of nothing says so")
    # The keyboard's focus goes where the view goes; a skip link is no address.
    tab.click("#places [data-section=notifications]")
    tab.wait_for(lambda: tab.run("return document.activeElement.id") == "notifications-heading", "the heading has the focus")
    tab.run("document.querySelector('#skip').click()")
    assert tab.run("return [location.hash, document.activeElement.id]") == ["#/notifications", "main"]
    tab.click("#notifications a.title")
    tab.wait_for(lambda: tab.find("#incident h3").is_displayed(), "a notification leads to what it is about")


# MARK: Decisions


def test_an_approval_is_given_and_everything_tells_so(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    deployment.intake.publish(requested("app_1", tenant))
    tab.click("[data-approval=app_1] .approve")
    assert tab.text("#decide-what") == "Restart the checkout service"
    tab.find("#decide-reason").send_keys("It is time")
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-approval=app_1][data-outcome=approved]"), "it is approved")
    assert "olga" in tab.text("[data-approval=app_1] .pill") and tab.count("[data-approval=app_1] :is(.approve, .reject)") == 0
    decision = ApprovalClient(deployment.services["approvals"], tenant).approval("app_1").json()["decision"]
    assert (decision["action"], decision["decidedBy"], decision["reason"]) == ("approve", "olga", "It is time")
    resolved = tab.wait_for(lambda: tab.run("return document.querySelector('#events [data-type=\"approval.resolved\"]')?.dataset.id"), "the event")
    assert "by olga" in tab.wait_for_row(resolved)["what"]
    assert tab.text("#approvals .count") == "" and not tab.find("#decide").is_displayed()


def test_what_cannot_be_decided_is_said(deployment, console, publish, tenant):
    olga, ann = console(), console()
    olga.sign_in(mint(tenant, "olga", ("admin",)))
    ann.sign_in(mint(tenant, "ann"))
    deployment.intake.publish(requested("app_2", tenant), requested("app_3", tenant, requestedBy="olga", fourEyes=True))
    # A user who is not an admin gets no buttons for decisions.
    ann.wait_for_text("[data-approval=app_2]", "An admin decides.")
    assert ann.count("[data-approval=app_2] :is(.approve, .reject)") == 0
    # Another admin decides while the dialog is open; the service confirms that to the second one.
    olga.click("[data-approval=app_2] .reject")
    assert ApprovalClient(deployment.services["approvals"], tenant, "petra").decide("app_2").status_code == 200
    olga.wait_for_text("#decide-error", "Decided already: approved by petra")
    # At once: the page disables it again each second.
    olga.run("const it = document.querySelector('#decide-submit'); it.disabled = false; it.click()")
    olga.wait_for_text("#decide-error", "Another decision came first.")
    olga.click("#decide-cancel")
    for tab in (olga, ann):
        tab.wait_for_text("[data-approval=app_2] .pill", "approved · petra")
    # Four eyes.
    olga.wait_for_text("[data-approval=app_3] .note", "You asked for this: somebody else decides.")
    assert olga.count("[data-approval=app_3] :is(.approve, .reject)") == 0


# MARK: Networks, tabs and deployments


def test_the_network_goes_and_comes_back(deployment, console, tenant):
    tab = console().sign_in(mint(tenant))
    numbers = iter(range(1000))
    ids = [id for _ in range(5) for id in deployment.intake.publish(progress(next(numbers), tenant))]
    tab.wait_for_row(ids[-1])
    tab.set_network(is_there=False)
    tab.wait_for(lambda: {lane["state"] for lane in tab.lanes().values()} == {"offline"}, "it says that the network is gone")
    tab.wait_for_text("#overall-text", "No network")
    ids += [id for _ in range(5) for id in deployment.intake.publish(progress(next(numbers), tenant))]
    tab.set_network(is_there=True)
    tab.wait_live()
    ids += [id for _ in range(5) for id in deployment.intake.publish(progress(next(numbers), tenant))]
    tab.wait_for_row(ids[-1])
    tab.wait_for(lambda: tab.lane("websocket")["received"] == len(ids), "the WebSocket has caught up")
    assert tab.arrivals() == ids
    for lane in tab.lanes().values():
        assert (lane["gaps"], lane["twice"]) == (0, 0) and lane["reconnects"] >= 1, lane
    assert any("it waits for the network" in line for line in tab.journal()) and any("live again after" in line for line in tab.journal())


def test_a_log_out_of_reach_is_not_called_live(deployment, console, tenant):
    tab = console()
    tab.sign_in(mint(tenant))
    tab.wait_for_text("#overall-text", "Live")
    deployment.nats.kill()
    try:
        tab.wait_for_text("#overall-text", "Event log out of reach")
        tab.wait_for(lambda: all("the event log is out of reach" in tab.text(f"[data-lane={lane}] .state") for lane in LANES), "all lanes say so")
    finally:
        deployment.nats.start()
    tab.wait_for_text("#overall-text", "Live")
    # No reconnect was needed.
    assert {lane["reconnects"] for lane in tab.lanes().values()} == {0}


def test_eight_tabs_have_one_connection_each_stream(deployment, console, tenant):
    """More connections than a browser opens to an origin over HTTP/1.1; counted at the server."""

    def connections():
        return {lane: deployment.services[lane].metrics()["causeway_edge_connections"] for lane in LANES}

    eventually(lambda: set(connections().values()) == {0}, "earlier tests' connections have gone")
    token = mint(tenant)
    tabs = [console() for _ in range(8)]
    for tab in tabs:
        tab.sign_in(token)
    eventually(lambda: set(connections().values()) == {1}, "all tabs share one connection a stream")
    ids = deployment.intake.publish(*(progress(n, tenant) for n in range(20)))
    for tab in tabs:
        tab.wait_for_row(ids[-1], ("sse", "websocket"))
    for lane in LANES:
        assert sum(tab.lane(lane)["leads"] for tab in tabs) == 1, f"{lane}: one tab has the connection"

    leader = next(tab for tab in tabs if tab.lane("sse")["leads"])
    flow = Flow(deployment.intake, (progress(n, tenant) for n in range(20, 100_000)), rate=50, batch=5)
    flow.start()
    tabs.remove(leader)
    leader.close()
    eventually(lambda: sum(tab.lane("sse")["leads"] for tab in tabs) == 1, "another one leads", timeout=30)
    flow.stop()
    ids += flow.ids
    count = len(ids)
    for tab in tabs:
        tab.wait_for(lambda tab=tab: tab.lane("sse")["received"] == tab.lane("websocket")["received"] == count, f"all {count} have come")
        assert all((lane["gaps"], lane["twice"]) == (0, 0) for lane in tab.lanes().values())
        expect_newest(tab, ids)
    eventually(lambda: set(connections().values()) == {1}, "there is one connection a stream again")


def test_a_deployment_behind_the_page_loses_and_doubles_nothing(deployment, console, tenant):
    """Every service is restarted while events flow; the page recovers without a reload, and reports the reconnects."""
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    [first] = deployment.intake.publish(progress(0, tenant))
    tab.wait_for_row(first, ("sse", "websocket"))
    tab.run("window.neverReloaded = true")
    flow = Flow(deployment.intake, (progress(n, tenant) for n in range(1, 100_000)), rate=20, batch=2)
    flow.start()
    restarted = {**deployment.services, "producer": deployment.producer}
    for name, service in restarted.items():
        before = flow.accepted
        service.terminate()
        assert service.wait(timeout=30) == 0, service.log_tail()
        if name in LANES:
            tab.wait_for(lambda name=name: tab.lane(name)["state"] != "live", f"{name} is told to be away")
        service.start()
        service.wait_ready()
        tab.wait_live()
        eventually(lambda before=before: flow.accepted > before + 10, "events are accepted again")
    after = deployment.intake.publish_surely([requested("app_after", tenant)])
    flow.stop()
    ids = [first, *flow.ids, *after]
    count = len(ids)
    tab.wait_for(lambda: tab.lane("sse")["received"] == tab.lane("websocket")["received"] == count, f"all {count} have come")
    # It delivers an incident from the event on that made it known to the page.
    tab.wait_for(lambda: tab.lane("relay")["received"] == flow.accepted, "the relay has carried all but the first of each incident")
    for name, lane in tab.lanes().items():
        assert (lane["gaps"], lane["twice"]) == (0, 0) and lane["reconnects"] >= 1, f"{name}: {lane}"
    expect_newest(tab, ids)
    for name in ("Server-sent events", "WebSocket", "JSON-RPC relay"):
        assert any(name in line and "the edge is being replaced" in line for line in tab.journal()), tab.journal()
        assert any(name in line and "live again after" in line for line in tab.journal())
    # The lists are updated too.
    tab.click("[data-approval=app_after] .approve")
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-approval=app_after][data-outcome=approved]"), "it is approved")
    assert tab.run("return window.neverReloaded")


# MARK: Hostile payloads

ATTACKS = [
    "<img src=x onerror='window.pwned=1'>",
    "</script><script>window.pwned=1</script>",
    "javascript:window.pwned=1",
    "\u202e\u2066txt.exe\u0000\u001b[31m",
    "\U0001f4a3" * 2_000,
    "Z" + "\u0316\u0317\u0318" * 500,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=["image", "script", "address", "direction", "length", "marks"])
def test_an_attack_in_a_payload_is_a_text_like_any_other(deployment, console, publish, tenant, attack):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    # Identifiers have no control characters, and an approval's title has a limit: the services refuse others.
    name = "".join(character for character in attack[:40] if character >= " ")
    tab.find("#follow-name").send_keys("agent")
    tab.click("#follow button")
    images = tab.count("img")
    publish("incident.created", incidentId=name, title=attack, severity=attack, service=attack, status=attack)
    publish("incident.status_changed", incidentId=name, previousStatus=attack, status=attack, reason=attack)
    publish("investigation.progress", incidentId=name, message=attack, agentName=attack, step=1, steps=2)
    publish("investigation.completed", incidentId=name, rootCause=attack)
    publish("approval.requested", approvalId="app_x", remediationId=name, incidentId=name, title=attack[:400], requestedBy=name)
    publish("notification.created", id=name, title=attack, body=attack)
    publish("job.updated", job_id=name, status=attack, progress=0.5, result_url=attack, error=attack, created_at=attack, finished_at=attack)
    publish("some.thing", **{name: attack, "title": {"toString": attack, "__proto__": attack}, "constructor": attack})
    runs = Executions(deployment.intake, "agents", "agent", tenant)
    runs.publish(("progress", {"progress": 0.5, "step": attack, "message": attack}), ("failed", {"error": attack, "duration": 1}))
    assert ApprovalClient(deployment.services["approvals"], tenant).decide("app_x", reason=attack[:900]).status_code == 200
    last = publish("load.tick", title="harmless")
    tab.wait_for_row(last, ("sse", "websocket"))
    tab.wait_for(lambda: tab.count("[data-approval=app_x][data-outcome=approved]"), "it is decided")
    tab.wait_for(lambda: tab.count("#executions [data-kind=agent][data-state=failed]"), "the execution has failed")
    tab.wait_for(lambda: tab.count("#notifications .item") >= 5, "the notifications are listed")

    visible = tab.text("#console")
    if len(attack) < 100 and attack.isascii() and attack.isprintable():
        assert tab.texts("#incidents .title") == [attack] and visible.count(attack) >= 10
    assert not {"\u202e", "\u2066", "\0", "\x1b"} & set(visible), "what cannot be seen changes what is read"
    assert len(visible) < 20_000
    assert tab.run("return window.pwned") is None and tab.complaints() == []
    assert (tab.count("img"), tab.count("#console script, #console iframe, #console a[href^=javascript]")) == (images, 0)
    for look in ({}, PHONE):
        tab.look(**look)
        assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), "the page has become wider than the window"


def test_the_browser_itself_would_refuse_html_and_scripts(console, tenant):
    """Validates the tests above: the policy is in force, and violations are detected."""
    tab = console().sign_in(mint(tenant))
    refused = tab.run("try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; }")
    assert refused == "TypeError"
    tab.run("const it = document.createElement('img'); it.src = 'http://127.0.0.1:9/x.png'; document.body.append(it)")
    tab.wait_for(lambda: len(tab.complaints()) >= 2, "both are complained about")
    tab.run("complaints.length = 0")


# MARK: For everybody


def test_signing_in_and_approving_take_no_mouse(deployment, console, tenant):
    tab = console()
    tab.wait_for(lambda: tab.run("return document.activeElement.id") == "token", "the field has the focus")
    tab.press(mint(tenant, "olga", ("admin",)), Keys.ENTER)
    tab.wait_live()
    assert tab.run("return document.activeElement.id") == "main"
    deployment.intake.publish(requested("app_4", tenant))
    tab.wait_for(lambda: tab.count("[data-approval=app_4] .reject"), "it is asked for")
    tab.press_tab_until("it.matches('[data-approval=app_4] .reject')")
    outline = tab.run("const style = getComputedStyle(document.activeElement); return [style.outlineStyle, parseFloat(style.outlineWidth)]")
    assert outline[0] == "solid" and outline[1] >= 2, "where the focus is cannot be seen"
    tab.press(Keys.ENTER)
    assert tab.run("return document.activeElement.id") == "decide-heading"
    tab.press_tab_until("it.id === 'decide-reason'")
    tab.press("Not today", Keys.ESCAPE)
    assert tab.run("return document.activeElement.matches('[data-approval=app_4] .reject')"), "the focus comes back"
    tab.press(Keys.ENTER)
    tab.press_tab_until("it.id === 'decide-reason'")
    tab.press("Not today")
    tab.press_tab_until("it.id === 'decide-submit'")
    tab.press(Keys.ENTER)
    tab.wait_for_text("[data-approval=app_4] .pill", "rejected · olga")
    # The event may come before the answer to the request, and the dialog closes with the latter.
    tab.wait_for(lambda: tab.run("return document.activeElement !== document.body"), "the focus is not lost")


@pytest.mark.parametrize(
    ("look", "address"),
    [({}, "#/incidents/inc_1"), ({"scheme": "dark"}, "#/events"), (PHONE, "#/events"), (PHONE | {"scheme": "dark"}, "#/incidents/inc_1")],
    ids=["light", "dark", "phone", "dark phone"],
)
def test_nothing_keeps_anybody_out(deployment, console, publish, tenant, look, address):
    """Contrast, names, roles, order, and size: axe finds no serious violation, and nothing is wider than the window."""
    tab = console()
    tab.look(**look)
    expect_accessible(tab)
    tab.sign_in(mint(tenant, "olga", ("admin",)))
    publish("incident.created", incidentId="inc_1", title="Checkout is slow", severity="high", service="checkout")
    publish("investigation.progress", incidentId="inc_1", message="Looking", agentName="logs", step=1, steps=3)
    publish("job.updated", job_id="job_1", status="running", progress=0.5, result_url=None, error=None, created_at="now", finished_at=None)
    deployment.intake.publish(requested("app_5", tenant), requested("app_6", tenant))
    tab.wait_for(lambda: tab.count("#notifications .item") >= 3 and tab.count("#approvals .item") == 2, "there is something to look at")
    expect_accessible(tab)
    tops = tab.run("return ['approvals', 'incidents', 'events'].map((id) => document.getElementById(id).getBoundingClientRect().y)")
    assert tops[0] <= tops[1] < tops[2] and tab.run("return document.querySelector('.approve').getBoundingClientRect().bottom < innerHeight")
    tab.click("[data-approval=app_5] .approve")
    expect_accessible(tab)
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-outcome=approved]"), "it is approved")
    tab.set_network(is_there=False)
    tab.wait_for_text("#overall-text", "No network")
    tab.click("#overall")
    tab.wait_for(lambda: tab.find("#streams").is_displayed(), "the connection's details are open")
    expect_accessible(tab)
    tab.press(Keys.ESCAPE)
    tab.set_network(is_there=True)
    tab.run("location.hash = arguments[0]", address)
    expect_accessible(tab)
