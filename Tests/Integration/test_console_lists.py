"""The lists of the console (docs/console.md): what a row says and where it leads, which part of a list is shown, and what goes on beyond an edge."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from causeway_kit.approvals import ApprovalClient, requested, timestamp
from causeway_kit.console import expect_accessible
from causeway_kit.console_fixtures import console_fixtures, publish_fixture
from causeway_kit.tokens import mint

PHONE = {"width": 320, "height": 700, "mobile": True}

TIME = "time[datetime]:not(.pill)"

#: A place in a row outside of its link's own box, that takes the link's clicks.
_BESIDE = """
const row = document.querySelector(arguments[0]);
row.scrollIntoView({ block: "center" });
const link = row.querySelector("a.covers"), box = link.getBoundingClientRect(), { left, right, top, bottom } = row.getBoundingClientRect();
for (let y = bottom - 2; y > top; y -= 2) {
    for (const x of [right - 4, left + 4]) {
        const isInBox = x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
        if (!isInBox && document.elementFromPoint(x, y) === link) return [x, y];
    }
}
return null;
"""

pytestmark = pytest.mark.timeout(300)

deployment, browser, console = console_fixtures()
publish = publish_fixture()


def card(approval, within=""):
    return f"[data-approval={approval}] {within}".strip()


def shown(tab, selector, name):
    """The data attribute of all items that are visible, in their order."""
    script = """
    return Array.from(document.querySelectorAll(arguments[0])).filter((it) => it.checkVisibility()).map((it) => it.dataset[arguments[1]]);
    """
    return tab.run(script, selector, name)


def style(tab, selector, name, pseudo=None):
    return tab.run("return getComputedStyle(document.querySelector(arguments[0]), arguments[2])[arguments[1]]", selector, name, pseudo)


def hover(tab, selector):
    """Moves the pointer to an element, which may have moved since the last time."""
    found = tab.find(selector)
    ActionChains(tab.driver).move_to_element(tab.find(".bar .brand")).move_to_element(found).perform()
    return found


# MARK: Approvals


def test_an_approval_names_its_incident(deployment, console, publish, tenant):
    """By title and severity, told by word and symbol: of an event that the page got, or of one that it reads from the log; by its id until then."""
    publish("incident.created", incidentId="inc_old", title="Disks fill up", severity="critical", service="search")
    approvals = [requested(f"app_{name}", tenant, incidentId=f"inc_{name}", requestedBy="planner") for name in ("old", "new", "none")]
    deployment.intake.publish(*approvals)
    tab = console()
    # As if the incident were older than what the page reads by itself.
    tab.run(
        """
        const { fetch } = window;
        window.fetch = async (url, init) => {
            const response = await fetch(url, init);
            if (!String(url).includes("types=incident.*")) return response;
            const document = await response.json();
            return new Response(JSON.stringify({ ...document, events: document.events.filter(({ type }) => type !== "incident.created") }), response);
        };
        """
    )
    tab.sign_in(mint(tenant, "olga", ("admin",)))
    tab.wait_for(lambda: tab.count("#approvals .item") == 3, "they are listed")
    for name in ("new", "none"):
        assert tab.text(card(f"app_{name}", "a[href^='#/incidents/']")) == f"inc_{name}"
    publish("incident.created", incidentId="inc_new", title="Checkout is slow", severity="high", service="checkout")
    tab.wait_for_text(card("app_new", "a[href='#/incidents/inc_new']"), "Checkout is slow")
    tab.wait_for_text(card("app_old", "a[href='#/incidents/inc_old']"), "Disks fill up")
    assert tab.text(card("app_none", "a[href^='#/incidents/']")) == "inc_none"
    assert (tab.text(card("app_new", ".severity")), tab.text(card("app_old", ".severity"))) == ("high", "critical")
    marks = [style(tab, card(f"app_{name}", ".severity"), "content", "::before") for name in ("new", "old")]
    assert "▲" in marks[0] and "▲▲" in marks[1] and not tab.find(card("app_none", ".severity")).is_displayed()
    expect_accessible(tab)
    tab.click(card("app_new", ".reject"))
    tab.wait_for_text("#decide-facts", "incident Checkout is slow · high")
    tab.click("#decide-cancel")
    tab.click(card("app_new", "a[href='#/incidents/inc_new']"))
    tab.wait_for_text("#incident h3", "Checkout is slow")


def test_who_decided_is_found_among_what_expired(deployment, console, tenant):
    """People's decisions come first and say when, however many approvals expired since; the address chooses one kind."""
    client = ApprovalClient(deployment.services["approvals"], tenant, "petra")
    deployment.intake.publish(requested("app_yes", tenant), requested("app_no", tenant, title="Drop the table"))
    assert client.decide("app_yes").status_code == client.decide("app_no", "reject", reason="No backup").status_code == 200
    soon = timestamp(1.5)
    deployment.intake.publish(*(requested(f"app_{number}", tenant, expiresAt=soon) for number in range(25)))
    tab = console()
    tab.wait_for(lambda: client.approvals(status="expired", limit=50).json()["items"][24:], "all have expired")
    tab.sign_in(mint(tenant, "olga", ("admin",)))
    items = "#decided .item"
    tab.wait_for(lambda: shown(tab, items, "approval")[:2] == ["app_no", "app_yes"], "what people have decided is first")
    assert len(shown(tab, items, "approval")) == 22 and set(shown(tab, items, "outcome")[2:]) == {"expired"}
    text = tab.text(card("app_no"))
    assert "rejected · petra" in text and "decided just now" in text and "“No backup”" in text
    tab.click("#decided-choice [data-part=decided]")
    tab.wait_for(lambda: shown(tab, items, "approval") == ["app_no", "app_yes"], "those that expired are hidden")
    assert "20 expired ones are hidden" in tab.text("#decided-choice") and tab.run("return location.hash") == "#/approvals?show=decided"
    assert tab.run("return document.activeElement.dataset.part") == "decided" and tab.count("#decided-choice [aria-current]") == 1
    tab.driver.refresh()
    tab.wait_for(lambda: shown(tab, items, "approval") == ["app_no", "app_yes"], "a reload keeps it")
    tab.run("location.hash = '#/approvals?show=expired'")
    tab.wait_for(lambda: set(shown(tab, items, "outcome")) == {"expired"}, "those that expired are shown alone")
    tab.driver.back()
    tab.wait_for(lambda: shown(tab, items, "approval") == ["app_no", "app_yes"], "back keeps it, too")
    tab.run("location.hash = '#/approvals?show=nothing'")
    tab.wait_for(lambda: len(shown(tab, items, "approval")) == 22, "an unknown part is the usual one")


def test_only_short_time_is_marked(deployment, console, tenant):
    """By a word and a frame besides the colour."""
    deadlines = {"calm": timestamp(240), "short": timestamp(50), "never": None}
    deployment.intake.publish(*(requested(f"app_{name}", tenant, expiresAt=time) for name, time in deadlines.items()))
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.wait_for(lambda: tab.count("#approvals .item") == 3, "they are listed")
    looks = {}
    for name in deadlines:
        pill = card(f"app_{name}", "time.pill")
        looks[name] = (style(tab, pill, "color"), style(tab, pill, "outlineStyle"), tab.text(pill).startswith("only "))
    assert looks["calm"] == looks["never"] and looks["calm"][1:] == ("none", False)
    assert looks["short"][0] != looks["calm"][0] and looks["short"][1:] == ("solid", True)
    expect_accessible(tab)


# MARK: Incidents


def test_an_incident_says_which_approvals_it_waits_for(console, publish, tenant):
    publish("incident.created", incidentId="inc_1", title="Cards fail")
    for name in ("rotate", "drop"):
        publish("approval.requested", approvalId=f"app_{name}", remediationId=f"rem_{name}", incidentId="inc_1", title=f"Please {name} it")
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.click(card("app_drop", ".reject"))
    tab.wait_for(lambda: tab.count("#decide-submit:enabled"), "it can be answered")
    tab.click("#decide-submit")
    tab.wait_for_text("#incidents .item .last", "rejected")
    assert tab.text("#incidents .item .pill") == "awaiting approval"
    tab.click("#incidents .item .title")
    tab.wait_for_text("#incident .caution", "Waits for an answer: Please rotate it")
    tab.click("#incident .caution a")
    tab.wait_for(lambda: tab.count(card("app_rotate", ".toggle[aria-expanded=true]")), "its details are open")
    # Behind it the list has nothing open that hides other approvals, and the next user begins at the overview.
    tab.run("location.hash = '#/incidents'")
    tab.wait_for(lambda: not tab.count(card("app_rotate", ".toggle[aria-expanded=true]")), "its details are closed")
    tab.click("#sign-out")
    tab.wait_for(lambda: tab.count("#sign-in:not([hidden])"), "olga is signed out")
    assert tab.run("return location.hash") == ""


def test_open_incidents_are_shown_alone(console, publish, tenant):
    for name in ("open", "closed", "later"):
        publish("incident.created", incidentId=f"inc_{name}", title=f"Incident {name}", severity="high", service="checkout")
    publish("incident.status_changed", incidentId="inc_closed", previousStatus="open", status="closed")
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    items = "#incidents .item"
    tab.wait_for(lambda: shown(tab, items, "incident") == ["inc_later", "inc_open"], "those that are open are listed")
    assert tab.text("#incidents .count") == "2" and "1 ended one is hidden" in tab.text("#incidents-choice")
    publish("incident.status_changed", incidentId="inc_later", previousStatus="open", status="resolved")
    tab.wait_for(lambda: shown(tab, items, "incident") == ["inc_open"], "one ends")
    assert "2 ended ones are hidden" in tab.text("#incidents-choice")
    tab.click("#incidents-choice [data-part=all]")
    tab.wait_for(lambda: set(shown(tab, items, "incident")) == {"inc_open", "inc_later", "inc_closed"}, "all are listed")
    assert tab.run("return location.hash") == "#/incidents?show=all" and "hidden" not in tab.text("#incidents-choice")
    assert tab.run("return document.activeElement.dataset.part") == "all"
    expect_accessible(tab)
    tab.driver.refresh()
    tab.wait_for(lambda: len(shown(tab, items, "incident")) == 3, "a reload keeps it")
    # One incident and back, by the link as by the browser.
    tab.click("[data-incident=inc_closed] a.title")
    tab.wait_for_text("#incident h3", "Incident closed")
    tab.click("#incidents-back")
    tab.wait_for(lambda: len(shown(tab, items, "incident")) == 3, "the link keeps it")
    tab.click("#incidents-choice [data-part=open]")
    tab.wait_for(lambda: shown(tab, items, "incident") == ["inc_open"], "the open ones are shown again")
    tab.driver.back()
    tab.wait_for(lambda: len(shown(tab, items, "incident")) == 3, "back leads to all")
    # Where all have ended, the list says so.
    publish("incident.status_changed", incidentId="inc_open", previousStatus="open", status="resolved")
    tab.run("location.hash = '#/'")
    tab.wait_for(lambda: tab.find("#incidents .empty").is_displayed(), "nothing is open")
    assert "No open incidents" in tab.text("#incidents .empty") and "3 ended ones are hidden" in tab.text("#incidents-choice")


def test_ended_incidents_make_room_for_open_ones(console, publish, tenant):
    publish("incident.created", incidentId="inc_old", title="The oldest", severity="high", service="checkout")
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    for number in range(45):
        publish("incident.status_changed", incidentId=f"inc_{number}", previousStatus="open", status="resolved")
    tab.wait_for_text("#incidents-choice", "39 ended ones are hidden")
    assert shown(tab, "#incidents .item", "incident") == ["inc_old"]


# MARK: Rows


def test_the_whole_row_leads_where_its_title_leads(deployment, console, publish, tenant):
    """In each section, also at the place of its time, which shows the exact time on hover. Buttons do what they did."""
    deployment.intake.publish(requested("app_1", tenant, incidentId="inc_1"))
    publish("incident.created", incidentId="inc_1", title="Checkout is slow", severity="high", service="checkout")
    publish("job.updated", job_id="job_1", status="running", progress=0.5, result_url=None, error=None, created_at="now", finished_at=None)
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))
    tab.wait_for(lambda: tab.count("#notifications .item") >= 2 and tab.count("#approvals .item"), "there is something to click on")
    rows = {
        "#/approvals": ("#approvals .item", "#/approvals/app_1"),
        "#/incidents": ("#incidents .item", "#/incidents/inc_1"),
        "#/incidents/inc_1": ("#incident .step", "#/events/evt_"),
        "#/notifications": ("#notifications .item", "#/incidents/inc_1"),
        "#/executions": ("#executions .item", "#/executions/job/job_1"),
        "#/events": ("#events tbody tr", "#/events/evt_"),
        "#/admin": ("#admin .item:nth-child(2)", "#/admin/token"),
    }
    for look in ({}, PHONE):
        tab.look(**look)
        for address, (row, target) in rows.items():
            for place in ("the rest", "the time"):
                tab.run("location.hash = arguments[0]", address)
                tab.wait_for(lambda row=row: shown(tab, row, "id"), f"{address} is shown")
                if place == "the time":
                    if not tab.count(f"{row} {TIME}"):
                        continue
                    tab.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", row)
                    tab.wait_for(lambda row=row: hover(tab, f"{row} {TIME}").get_attribute("title"), "the exact time is shown")
                    ActionChains(tab.driver).click().perform()
                else:
                    x, y = tab.run(_BESIDE, row)
                    pointer = ActionChains(tab.driver)
                    pointer.w3c_actions.pointer_action.move_to_location(int(x), int(y))
                    pointer.w3c_actions.pointer_action.click()
                    pointer.perform()
                there = f"{place} of a row of {address} leads to {target}"
                tab.wait_for(lambda target=target: tab.run("return location.hash").startswith(target), there)
    tab.look()
    tab.run("location.hash = '#/notifications'")
    unread = tab.count("#notifications [data-read=false]")
    tab.click("#notifications [data-read=false] button")
    tab.wait_for(lambda: tab.count("#notifications [data-read=false]") == unread - 1, "one is read")
    assert tab.run("return location.hash") == "#/notifications"
    # The keyboard's focus is around the whole row.
    tab.run("document.querySelector('#notifications a.title').focus()")
    tab.press(Keys.TAB, Keys.SHIFT + Keys.TAB)
    assert style(tab, "#notifications .item:has(a.title:focus-visible) a.title", "outlineStyle", "::after") == "solid"


# MARK: Navigation


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_navigation_tells_that_it_goes_on(console, tenant, scheme):
    """By an arrow at the edge, below which the text fades; at 320 pixels, and with text of 200 %."""
    tab = console()
    tab.look(scheme=scheme)
    tab.sign_in(mint(tenant, "olga", ("admin",)))

    def edges():
        """Whether there is an arrow at the left, and at the right."""
        script = "return ['::before', '::after'].map((it) => getComputedStyle(document.querySelector('#places'), it).display === 'flex')"
        return tuple(tab.run(script))

    assert edges() == (False, False), "everything fits into a wide window"
    for look, font in ((PHONE, ""), (PHONE, "187.5%"), ({"width": 820, "height": 700}, "187.5%")):
        tab.look(**look, scheme=scheme)
        tab.run("document.documentElement.style.fontSize = arguments[0]; document.querySelector('#places').scrollLeft = 0", font)
        tab.wait_for(lambda: edges() == (False, True), "it goes on to the right")
        expect_accessible(tab)
        assert style(tab, "#places", "color", "::after") == style(tab, "body", "color")
        # A link that gets the focus is clear of the arrows.
        for link in ("[data-section=webhooks]", "[data-section=notifications]"):
            tab.run("document.querySelector(`#places ${arguments[0]}`).focus()", link)
            clear = """
            const nav = document.querySelector('#places').getBoundingClientRect();
            const link = document.activeElement.getBoundingClientRect();
            const room = parseFloat(getComputedStyle(document.querySelector('#places'), '::after').width) * .6;
            return link.width > nav.width - 2 * room || (link.left >= nav.left + room && link.right <= nav.right - room);
            """
            tab.wait_for(lambda clear=clear: tab.run(clear), f"{link} is not below an arrow")
        tab.run("document.querySelector('#places').scrollLeft = 10_000")
        tab.wait_for(lambda: edges() == (True, False), "it goes on to the left")
