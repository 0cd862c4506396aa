"""The lists of the console (docs/console.md): what a row says and where it leads, which part of a list is shown, and what goes on beyond an edge."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains

from causeway_kit.console import expect_accessible
from causeway_kit.console_fixtures import console_fixtures, publish_fixture
from causeway_kit.tokens import mint

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


# MARK: Incidents


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
