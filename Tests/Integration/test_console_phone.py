"""The console on a phone (docs/console.md): what waits for an answer is in reach of a thumb, and the page can be installed."""

import pytest

from causeway_kit.approvals import requested
from causeway_kit.console import expect_accessible
from causeway_kit.console_fixtures import console_fixtures
from causeway_kit.tokens import mint

PHONE = {"width": 360, "height": 740, "mobile": True}
#: Each section, and a tool for admins.
ADDRESSES = (
    "#/", "#/approvals", "#/incidents/inc_1", "#/notifications", "#/executions", "#/events", "#/webhooks", "#/admin", "#/admin/publish"
)

#: Visible controls below 44 px in either direction: a label is the target of its field, and an inline link is exempt (WCAG 2.5.8).
_SMALL = """
const isInline = (it) => it.matches("a:not(.title)") && it.parentElement.matches("p, span, li, dd, .facts, pre")
    && it.parentElement.textContent.trim() !== it.textContent.trim();
return Array.from(document.querySelectorAll("a, button, input, select, textarea, summary"))
    .filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.matches(".skip, .unseen") && !isInline(it))
    .map((it) => [it, (it.closest("label") ?? it).getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 44 || height < 44)
    .map(([it, { width, height }]) => `${width} × ${height}: ${it.outerHTML.slice(0, 120)}`);
"""

pytestmark = pytest.mark.timeout(300)

deployment, browser, console = console_fixtures()


def expect_usable(tab):
    """Fails if a control is smaller than a finger, if something is wider than the window, or if axe finds a serious violation."""
    assert tab.run(_SMALL) == []
    expect_accessible(tab)


def test_the_first_approval_is_in_reach_on_a_phone(deployment, console, tenant):
    tab = console()
    tab.look(**PHONE)
    expect_usable(tab)
    tab.run("document.body.style.minHeight = '200vh'; window.scrollTo(0, 100)")
    tab.sign_in(mint(tenant, "olga", ("admin",)))
    assert tab.run("document.body.style.minHeight = ''; return window.scrollY") == 0, "the navigation is out of sight"
    created = {"incidentId": "inc_1", "title": "Checkout is slow", "severity": "high", "service": "checkout"}
    deployment.intake.publish({"type": "incident.created", "tenant": tenant, "payload": created})
    deployment.intake.publish(requested("app_1", tenant), requested("app_2", tenant))
    tab.wait_for(lambda: tab.count("#notifications .item") >= 3 and tab.count("#approvals .item") == 2, "there is something to answer")
    tab.wait_for(lambda: tab.count("#approvals .item:first-child .reject"), "it can be answered")
    seen = "return Array.from(document.querySelectorAll(arguments[0]), (it) => it.getBoundingClientRect().bottom <= innerHeight)"
    assert tab.run(seen, "#approvals .item:first-child :is(.title, .approve, .reject)") == [True, True, True]
    for width, scheme in ((360, "light"), (320, "dark")):
        tab.look(**PHONE | {"width": width, "scheme": scheme})
        for address in ADDRESSES:
            tab.run("location.hash = arguments[0]", address)
            section = address.split("/")[1] or "overview"
            tab.wait_for(lambda: tab.count(f"#places [data-section={section}][aria-current]"), f"{section} is open")
            expect_usable(tab)
    # Text of 200 % in a window that keeps its size.
    tab.run("location.hash = '#/'; document.documentElement.style.fontSize = '187.5%'")
    assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), "large text is wider than the window"
    tab.run("document.documentElement.style.fontSize = ''")
    tab.click("#approvals .item:first-child .approve")
    tab.wait_for(lambda: tab.count("#decide-submit:enabled"), "the action is shown")
    expect_usable(tab)
    assert tab.run("return document.getElementById('decide-submit').getBoundingClientRect().bottom <= innerHeight")


def test_the_browser_finds_nothing_that_keeps_it_from_being_installed(console):
    tab = console()
    tab.command("Page.enable")
    manifest = tab.wait_for(lambda: (found := tab.command("Page.getAppManifest")).get("data") and found, "the manifest is read")
    assert manifest["errors"] == [] and manifest["url"].endswith("/console/manifest.webmanifest")
    # A browser under a driver is in a private session at most.
    errors = [error["errorId"] for error in tab.command("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert [error for error in errors if error != "in-incognito"] == []
