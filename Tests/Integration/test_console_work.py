"""How people find things in the console (docs/console.md): events, notifications, the keyboard, and tools for admins, in a real browser."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from causeway_kit.approvals import requested
from causeway_kit.console import expect_accessible
from causeway_kit.console_fixtures import console_fixtures, publish_fixture
from causeway_kit.tokens import mint

pytestmark = pytest.mark.timeout(300)

deployment, browser, console = console_fixtures()
publish = publish_fixture()


def focused(tab, script):
    """Whether the focused element is it; `script` is about `it`."""
    return tab.run(f"const it = document.activeElement; return {script}")


def chord(tab, *keys):
    """Presses keys together, at the current focus."""
    actions = ActionChains(tab.driver)
    for key in keys:
        actions.key_down(key)
    for key in reversed(keys):
        actions.key_up(key)
    actions.perform()


def test_an_event_is_found_and_says_who_could_see_it(console, publish, tenant):
    before = publish("load.tick", title="needle of no type that a page reads by itself")
    publish("load.tick", title="of no interest")
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    theirs = publish("notification.created", user="olga", id="ntf_1", title="For olga", requestedBy="ann")
    tab.wait_for_row(theirs, ("sse", "websocket"))
    assert tab.row(before) is None
    tab.find("#events-filter").send_keys("needle")
    tab.wait_for_text("#events .empty", "No event of those that this page has passes the filter")
    tab.click("#events-more")
    tab.click("#events-read")
    tab.wait_for(lambda: tab.row(before), "the log is read")
    assert tab.count("#events tbody tr") == 1 and "from the log" in tab.text("#events-status")
    tab.click("#events-clear")
    tab.find("#events-user").send_keys("ann")
    tab.wait_for_text("#events-more", "Filters (1)")
    assert tab.count("#events tbody tr") == 1 and tab.row(theirs) and not tab.find("#events th.lane-sse").is_displayed()
    expect_accessible(tab)
    tab.click("#events-latency")
    assert tab.find("#events th.lane-sse").is_displayed()
    tab.run("localStorage.clear()")
    tab.click(f"[data-id={theirs}] a")
    tab.wait_for_text("#event .facts", "olga alone: it is addressed")
    # The person in question is another one than the reader.
    assert f"causeway why --event {theirs} --user '<user>' --tenant {tenant}" in tab.text("#event .why")
    tab.find("#why-user").send_keys("eve")
    tab.wait_for_text("#event .why", f"causeway why --event {theirs} --user eve --tenant {tenant}")
    assert tab.text("#event .why .caution") == "It is addressed to olga alone: eve does not get it."
    assert f"CAUSEWAY_URL={tab.run('return location.origin')} " in tab.text("#event .why")
    assert tab.count("#event .copy") >= 3
    expect_accessible(tab)


@pytest.mark.parametrize("role", ["member", "admin"])
def test_an_event_for_somebody_else_is_told_as_an_absent_one(console, publish, tenant, role):
    theirs = publish("load.tick", user="olga", title="For olga")
    others = publish("load.tick", title="For all")
    absent = "evt_01HX9VTPQR3KF0MZWBYD5N6JCE"
    tab = console().sign_in(mint(tenant, "ann", (role,)))
    answers = []
    for id in (theirs, absent):
        tab.run("location.hash = arguments[0]", f"#/events/{id}")
        tab.wait_for(lambda id=id: id in tab.text("#event .empty"), "the page says what it may")
        answers.append(tab.text("#event").replace(id, "…"))
    assert answers[0] == answers[1] == "The log has no event … that you may see. Check the address. A colleague may see events that are not for you."
    # What is for this reader is shown, however old it is, with whom it is for.
    tab.run("location.hash = arguments[0]", f"#/events/{others}")
    tab.wait_for_text("#event .facts", f"Everyone of {tenant}")
    assert tab.count("#event .why") == (role == "admin"), "operators' commands are for admins"
    expect_accessible(tab)


def test_notifications_stand_below_their_incident(console, publish, tenant):
    tab = console().sign_in(mint(tenant, "ann"))
    publish("incident.created", incidentId="inc_1", title="Checkout is slow", severity="critical", service="checkout")
    for status in ("investigating", "in_progress", "awaiting_approval"):
        publish("incident.status_changed", incidentId="inc_1", previousStatus="open", status=status)
    publish("notification.created", user="ann", id="ntf_1", title="Something else")
    tab.wait_for(lambda: tab.count("#notifications .item") == 5, "all are listed")
    assert tab.count("#notifications .group") == 2 and tab.text("#notifications .group-title") == "Checkout is slow"
    assert tab.texts("#notifications .group:last-child .item:not([hidden]) .title")[0] == "Incident is now awaiting approval"
    tab.click("#notifications .group:last-child > button")
    tab.wait_for(lambda: tab.count("#notifications .item[hidden]") == 0, "the earlier ones are shown")
    assert focused(tab, "it.matches('#notifications .item a')"), "the focus is at the first of them"
    # Told by a symbol as well; the word alone is read out.
    marks = tab.run("return ['.severity', '.pill'].map((it) => getComputedStyle(document.querySelector(`#incidents ${it}`), '::before').content)")
    assert all(mark not in ("none", "normal") for mark in marks) and tab.text("#incidents .severity") == "critical"
    expect_accessible(tab)
    tab.click("#notifications .group-title a")
    tab.wait_for(lambda: tab.find("#incident h3").is_displayed(), "the title leads to the incident")


def test_keys_lead_everywhere(deployment, console, publish, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    publish("incident.created", incidentId="inc_1", title="Checkout is slow", severity="high", service="checkout")
    deployment.intake.publish(requested("app_1", tenant), requested("app_2", tenant))
    tab.wait_for(lambda: tab.count("#approvals .item") == 2 and tab.count("#incidents .item"), "there is something to choose from")
    places = tab.run("return Array.from(document.querySelectorAll('#approvals .item'), (it) => it.dataset.approval)")
    for key, place in (("j", 0), ("j", 1), ("j", 1), ("k", 0)):
        tab.press(key)
        assert focused(tab, f"it.closest('.approval')?.dataset.approval === '{places[place]}'")
    tab.press("r")
    assert tab.find("#decide").is_displayed() and tab.text("#decide-heading") == "Reject?"
    # In a dialog and in a field a letter is a letter.
    tab.press_tab_until("it.id === 'decide-reason'")
    tab.press("?ajk")
    assert tab.run("return document.querySelector('#decide-reason').value") == "?ajk" and tab.count("dialog[open]") == 1
    tab.press(Keys.ESCAPE)
    tab.press("/")
    assert focused(tab, "it.id === 'events-filter'")

    chord(tab, Keys.CONTROL, "k")
    tab.wait_for(lambda: focused(tab, "it.id === 'palette-field'"), "the palette is open, from a field as well")
    expect_accessible(tab)
    for _ in range(30):
        tab.press(Keys.TAB)
        assert focused(tab, "it === document.body || document.querySelector('#palette').contains(it)"), "the focus has left the dialog"
    tab.find("#palette-field").send_keys("slow")
    tab.wait_for(lambda: tab.texts("#palette [aria-selected=true] .name") == ["Checkout is slow"], "the incident is offered")
    tab.press(Keys.ENTER)
    tab.wait_for(lambda: tab.find("#incident h3").is_displayed(), "it is opened")
    assert tab.count("dialog[open]") == 0

    tab.press("?")
    tab.wait_for(lambda: tab.count("#keys[open]"), "the help is open")
    expect_accessible(tab)
    tab.click("#keys-on")
    tab.press(Keys.ESCAPE)
    tab.press("?")
    assert tab.count("dialog[open]") == 0, "single keys are turned off"
    tab.run("localStorage.clear()")


def test_admins_publish_an_event_and_inspect_a_token(console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.click("#to-admin")
    tab.wait_for(lambda: tab.find("#admin-tools").is_displayed(), "the tools are listed")
    tab.click("#admin-tools [href='#/admin/publish']")
    tab.wait_for(lambda: tab.count("#publish-submit"), "the form is loaded")

    # A mistake is told beside the fields; what the service refuses, too.
    def publish(type, payload):
        tab.run("['type', 'payload'].forEach((name, place) => (document.querySelector(`#publish-${name}`).value = arguments[place]))", type, payload)
        tab.click("#publish-submit:enabled")

    publish("test.event", "[1]")
    tab.wait_for_text("#publish-error", "enter a JSON object")
    assert focused(tab, "it.id === 'publish-payload'")
    publish("approval.resolved", "{}")
    tab.wait_for_text("#publish-error", "Couldn't publish the event: ")
    publish("test.event", '{"message": "Hello", "n": 1.0}')
    tab.wait_for(lambda: tab.count("#publish-result a"), "it is stored")
    assert tab.text("#publish-error") == ""
    expect_accessible(tab)
    tab.wait_for_row(tab.text("#publish-result a"), ("sse", "websocket"))

    # Nothing of a token stays in the page.
    tab.run("location.hash = '#/admin/token'")
    tab.wait_for(lambda: tab.count("#inspect-token"), "the form is loaded")
    expired = mint(tenant, "bob", lifetime=-60)
    tab.find("#inspect-token").send_keys(expired, Keys.ENTER)
    tab.wait_for_text("#inspect-verdict", "Services refuse this token")
    assert "bob" in tab.text("#inspected .facts") and "It expired" in tab.text("#inspected li")
    everything = "return document.documentElement.outerHTML + Array.from(document.querySelectorAll('input'), (one) => one.value)"
    assert expired.rpartition(".")[2] not in tab.run(everything)
    tab.click("#inspect-own")
    tab.wait_for_text("#inspect-verdict", "Services accept this token")
    expect_accessible(tab)

    # What each service says; this deployment has no webhooks. The page's own streams are connections of olga.
    tab.look(width=360, height=740, mobile=True, scheme="dark")
    tab.run("location.hash = '#/admin/deployment'")
    for text in ("Version of the relay", "This deployment does not have the service", "Version of the REST API"):
        tab.wait_for_text("#admin-place", text)
    tab.wait_for_text("#connections-open tbody", "olga")
    tab.wait_for_text("#usage-bars", "Open connections (sse-edge)")
    tab.wait_for_text("#log-bars", "of your tenant")
    assert tab.count("#log-bars progress") >= 1 and tab.count("#usage-bars progress") >= 3
    expect_accessible(tab)
    tab.click("#connections-user")
    tab.press("nobody", Keys.ENTER)
    tab.wait_for_text("#admin-place", "No open connection.")
    tab.wait_for(lambda: tab.count("#connections-open") == 0, "nobody's connections are shown")

    # Others are told so at the same address.
    tab.run("sessionStorage.setItem('causeway.token', arguments[0]); location.reload()", mint(tenant, "ann"))
    tab.wait_for_text("#admin-state", "These tools are for admins")
    assert not tab.find("#to-admin").is_displayed() and tab.count("#admin-place > *") == 0 and not tab.find("#admin-tools").is_displayed()
