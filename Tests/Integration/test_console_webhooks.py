"""The console's page of webhooks (docs/console.md#webhooks) in a real browser. A fake is the service: this tests the page alone."""

import pytest
from selenium.webdriver.common.keys import Keys

from causeway_kit.approvals import approval_service
from causeway_kit.console import ConsoleBrowser, expect_accessible, tabs_of
from causeway_kit.fake_webhooks import FakeWebhooks, event_id
from causeway_kit.proxy import Nginx
from causeway_kit.stack import Stack
from causeway_kit.tokens import mint

URL = "https://hooks.example/in"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack():
    """The services that the page needs for signing in; its streams have none, and keep trying."""
    with Stack() as stack:
        stack.fake = FakeWebhooks()
        place = f"location ^~ /v1/webhooks {{ proxy_pass http://127.0.0.1:{stack.fake.port}; }}\n        location = /proxy/health {{"
        services = {"approval-api": [approval_service(stack).wait_ready()], "event-producer": [stack.producer]}
        edit = {"edit": lambda text: text.replace("location = /proxy/health {", place)}
        stack.nginx = stack.add(Nginx(stack.directory, services, **edit)).wait_ready()
        yield stack
        stack.fake.close()


@pytest.fixture
def fake(stack):
    """Webhooks of this test alone."""
    stack.fake.endpoints, stack.fake.attempts, stack.fake.requests, stack.fake.failure, stack.fake.waiting = {}, {}, [], None, 12
    return stack.fake


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = ConsoleBrowser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def console(stack, browser):
    """Opens tabs of the page at an address, signed in."""
    with tabs_of(browser, stack.nginx.url + "/console/#/webhooks") as open_tab:

        def open_page(token):
            tab = open_tab()
            tab.enter(token)
            tab.wait_for(lambda: tab.find("#webhooks").is_displayed(), "the section is shown")
            return tab

        yield open_page


def fill(tab, field, text):
    tab.find(field).clear()
    tab.find(field).send_keys(text)


def test_an_admin_registers_tests_and_deletes_a_webhook(console, fake, tenant):
    tab = console(mint(tenant, "olga", ("admin",)))
    tab.wait_for_text("#webhooks-state", "No webhooks yet.")

    # What the service refuses stays in the form.
    tab.click("#webhooks-create")
    fill(tab, "#endpoint-url", "http://hooks.example/in")
    fill(tab, "#endpoint-types", "incident.*, approval.requested")
    tab.press(Keys.TAB)
    tab.click("#endpoint-submit")
    tab.wait_for_text("#endpoint-error", "url: must begin with https://")
    fill(tab, "#endpoint-url", URL)
    tab.click("#endpoint-submit")

    # The secret is shown once, and nowhere after that.
    tab.wait_for(lambda: tab.find("#secret").is_displayed(), "the secret is shown")
    assert tab.run("return document.querySelector('#secret-value').value") == "whsec_first"
    tab.press(Keys.ESCAPE)
    assert tab.find("#secret").is_displayed(), "it is not closed by accident"
    tab.click("#secret [type=submit]")
    tab.wait_for_text("#webhook .health", "pending")
    [endpoint] = fake.endpoints.values()
    assert tab.run("return location.hash") == f"#/webhooks/{endpoint['id']}"
    everything = "return document.documentElement.outerHTML + Array.from(document.querySelectorAll('input'), (one) => one.value)"
    assert "whsec_" not in tab.run(everything)
    [(_, _, refused, first), (_, _, created, second)] = fake.requests
    assert created == {"url": URL, "types": ["incident.*", "approval.requested"], "ordered": True}
    assert refused != created and first and first != second

    # A test says what came of it, and is in the list of attempts with the answer. It is no event that could be sent again.
    delivered = {"id": event_id(5), "type": "incident.created", "startedAt": endpoint["createdAt"], "durationMs": 20, "status": 200, "answer": ""}
    fake.attempts[endpoint["id"]] = [delivered]
    tab.click("[data-action=test]")
    tab.wait_for_text("#webhook .result", "The test event was not delivered: 503 after 131 ms.")
    tab.wait_for(lambda: tab.texts("#webhook .attempt .outcome") == ["✕ 503", "✓ 200"], "both attempts are listed")
    assert "131 ms" in tab.text("#webhook .attempt") and "busy" in tab.text("#webhook .attempt code")
    assert tab.count(".attempt button") == 2 and tab.count(".attempt a") == 1

    # Events are sent again from an event, or from a time, after the page has said how many.
    tab.click("[data-action=replay-from]")
    assert tab.run("return document.querySelector('#replay-event').value") == event_id(5)
    tab.click("#replay [type=submit]")
    tab.wait_for_text("#confirm-text", "gets 12 events again")
    assert fake.requests[-1][1].endswith("/test"), "nothing is sent before it is confirmed"
    tab.click("#confirm-submit")
    tab.wait_for_text("#webhook .result", "The replay is accepted.")
    assert fake.requests[-1][1:3] == (f"/v1/webhooks/{endpoint['id']}/replay", {"from": event_id(5)})
    tab.wait_for_text("#webhook .replay", "Replaying since")
    endpoint["cursor"] = endpoint["replay"]["to"]
    tab.wait_for_text("#webhook .replay", "Replay ended: the events from")
    tab.click("[data-action=replay]")
    tab.click("#replay-by-time")
    tab.click("#replay [type=submit]")
    tab.wait_for_text("#replay-error", "Enter a date and a time.")
    tab.run("document.querySelector('#replay-time').value = '2026-11-28T10:00:00'")
    fake.waiting = 0
    tab.click("#replay [type=submit]")
    tab.wait_for_text("#replay-error", "There is nothing to send again")
    fake.waiting = 1
    tab.click("#replay [type=submit]")
    tab.wait_for_text("#confirm-text", "gets 1 event again")
    tab.click("#confirm-cancel")
    assert fake.requests[-1][2] == {"from": event_id(5)}, "it can be left"
    tab.click("[data-action=replay]")
    tab.click("#replay-by-time")
    tab.run("document.querySelector('#replay-time').value = '2026-11-28T10:00:00'")
    tab.click("#replay [type=submit]")
    tab.wait_for_text("#confirm-text", "gets 1 event again")
    tab.click("#confirm-submit")
    tab.wait_for(lambda: "since" in (fake.requests[-1][2] or {}), "it is accepted")
    assert fake.requests[-1][2]["since"].endswith("Z")

    # One event alone is sent again at once; what the service refuses is told.
    endpoint["cursor"] = event_id(4)
    tab.click("[data-action=resend]")
    tab.wait_for_text("#webhook .error", "Send again: The endpoint is ordered and has not come to this event.")
    endpoint["cursor"] = event_id(7)
    tab.click("[data-action=resend]")
    tab.wait_for_text("#webhook .result", f"✓ Event {event_id(5)} was delivered again: 204 after 17 ms.")
    assert fake.requests[-1][1:3] == (f"/v1/webhooks/{endpoint['id']}/resend", {"event": event_id(5)})
    tab.wait_for(lambda: tab.texts("#webhook .attempt .outcome") == ["✓ 204", "✕ 503", "✓ 200"], "the attempt is listed")

    # An edit sends what has changed.
    tab.click("[data-action=edit]")
    fill(tab, "#endpoint-description", "Chat")
    tab.click("#endpoint-submit")
    tab.wait_for_text("#webhook h3", "Chat")
    assert fake.requests[-1][2] == {"description": "Chat"}
    tab.click("[data-action=disable]")
    tab.wait_for_text("#webhook .health", "disabled")
    tab.click("[data-action=enable]")
    tab.wait_for_text("#webhook .health", "pending")
    tab.click("[data-action=rotate]")
    tab.click("#confirm-submit")
    tab.wait_for(lambda: tab.run("return document.querySelector('#secret-value').value") == "whsec_second", "another secret is shown")
    tab.click("#secret [type=submit]")

    # Deleting takes a confirmation, and leads back to the list.
    tab.click("[data-action=remove]")
    assert "This cannot be undone." in tab.text("#confirm-text")
    tab.click("#confirm-cancel")
    assert endpoint["id"] in fake.endpoints
    tab.click("[data-action=remove]")
    tab.click("#confirm-submit")
    tab.wait_for_text("#webhooks-state", "No webhooks yet.")
    assert fake.endpoints == {} and tab.run("return location.hash") == "#/webhooks"
    tab.driver.back()
    tab.wait_for_text("#webhooks-state", "It may have been deleted.")


def test_an_event_is_sent_again_from_its_page(stack, console, fake, tenant):
    [event] = stack.intake.publish({"type": "incident.created", "tenant": tenant, "payload": {"incidentId": "inc_1"}})
    endpoint = fake.add(URL, description="Chat", cursor=event)
    fake.add("https://other.example/in", types=["job.*"])
    tab = console(mint(tenant, "olga", ("admin",)))
    tab.run("location.hash = arguments[0]", f"#/events/{event}")
    tab.wait_for(lambda: tab.texts("#resend-webhook option") == ["Chat (enabled)"], "the webhooks that get its type are offered")
    expect_accessible(tab)
    tab.click("#resend-submit")
    tab.wait_for_text("#event .resend", f"✓ Event {event} was delivered again: 204 after 17 ms.")
    assert fake.requests[-1][1:3] == (f"/v1/webhooks/{endpoint['id']}/resend", {"event": event})
    endpoint["cursor"] = event_id(7)
    tab.click("#resend-submit")
    tab.wait_for_text("#event .resend .error", "Couldn't send it again: The endpoint is ordered and has not come to this event.")


@pytest.mark.parametrize("look", [{}, {"width": 320, "height": 700, "mobile": True, "scheme": "dark"}], ids=["light", "dark narrow"])
def test_every_state_of_a_webhook_is_told_by_a_word(console, fake, tenant, look):
    for state in ("pending", "enabled", "failing", "disabled"):
        fake.add(f"https://{state}.example/" + "x" * 200, state, description="<b>Chat</b>" if state == "failing" else None, user="ann")
    [failing] = [id for id, endpoint in fake.endpoints.items() if endpoint["state"]["name"] == "failing"]
    attempt = {"id": event_id(8), "type": "incident.created", "startedAt": fake.endpoints[failing]["createdAt"], "durationMs": 15_000}
    attempt |= {"error": "timed_out", "message": "there was no complete answer in time", "nextAttemptAt": fake.endpoints[failing]["state"]["retryAt"]}
    fake.attempts[failing] = [attempt, attempt | {"id": event_id(6), "error": None, "status": 500, "answer": "\u202e" + "y" * 900}]
    tab = console(mint(tenant, "olga", ("admin",)))
    tab.look(**look)
    tab.wait_for(lambda: tab.texts("#webhooks-all .health") == ["pending", "enabled", "failing", "disabled"], "all are listed")
    marks = tab.run("return Array.from(document.querySelectorAll('#webhooks-all .health'), (one) => getComputedStyle(one, '::before').content)")
    assert len(set(marks)) == 4
    expect_accessible(tab)
    tab.click(f"[data-endpoint={failing}] .title")
    tab.wait_for(lambda: tab.texts("#webhook .outcome") == ["✕ timed out", "✕ 500"], "the attempts are listed")
    assert "3 attempts in a row failed" in tab.text("#webhook") and "Next attempt at" in tab.text("#webhook .attempt")
    # A cursor is a place in the log, which nobody can open.
    assert event_id(7) in tab.text("#webhook .facts") and tab.count("#webhook .facts a") == 0
    assert tab.text("#webhook h3") == "<b>Chat</b>" and tab.texts("#webhook .attempt mark") == ["U+202E"]
    tab.click("#webhook summary")
    expect_accessible(tab)
    tab.click("[data-action=edit]")
    expect_accessible(tab)
    tab.click("#endpoint-cancel")
    # The list stays while the service does not answer, and says so.
    fake.failure = 503
    tab.click("#webhooks-one > p a")
    tab.wait_for_text("#webhooks-error", "Couldn't load webhooks: The log is out of reach: retry in 2 s. Trying again.")
    assert tab.count("#webhooks-all .item") == 4
    fake.failure = None
    tab.wait_for(lambda: tab.text("#webhooks-error") == "", "it is loaded again")


def test_webhooks_are_for_admins(console, fake, tenant):
    fake.add(URL)
    tab = console(mint(tenant, "ann"))
    tab.wait_for_text("#webhooks-state", "Only admins see and change webhooks.")
    assert not tab.find("#to-webhooks").is_displayed() and not tab.find("#webhooks-create").is_displayed()
    assert tab.count("#webhooks-all .item") == 0
    expect_accessible(tab)
