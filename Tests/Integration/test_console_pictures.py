"""Pictures of the console for the documentation (`make screenshots`): docs/console-pictures.md shows all of them."""

import io
import os
import re

import pytest
from PIL import Image

from causeway_kit.approvals import requested
from causeway_kit.console import ConsoleBrowser, tabs_of
from causeway_kit.console_deployment import console_deployment
from causeway_kit.services import ROOT
from causeway_kit.tokens import mint
from causeway_kit.webhooks import Answer, Receiver, WebhookClient

PAGE = ROOT / "docs/console-pictures.md"
FOLDER = ROOT / "docs/images"
#: Width, height, and whether it is a phone.
WIDTHS = {"desktop": (1440, 960, False), "tablet": (820, 1100, False), "phone": (390, 844, True)}
THEMES = ("light", "dark")
#: What is shown, and the words that the page has for it.
PLACES = {
    "sign-in": "Sign-in",
    "overview": "Overview",
    "approvals": "Approvals",
    "approval": "An approval",
    "incidents": "Incidents",
    "incident": "An incident",
    "notifications": "Notifications",
    "executions": "Executions",
    "events": "Events",
    "event": "An event",
    "webhooks": "Webhooks",
    "admin": "Admin",
    "empty": "Nothing yet",
    "forbidden": "Not allowed",
    "expired": "An expired token",
    "failed": "A service that does not answer",
    "offline": "No network",
}


def test_the_page_shows_every_picture():
    text = PAGE.read_text()
    shown = set(re.findall(r"images/console/([\w-]+\.webp)", text))
    assert shown == {f"{place}-{width}-{theme}.webp" for place in PLACES for width in WIDTHS for theme in THEMES}
    assert shown == {file.name for file in (FOLDER / "console").glob("*")}, "run make screenshots"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(PLACES.values())


class Photographer:
    """Takes pictures of one tab, and keeps which."""

    def __init__(self, folder):
        self.folder, self.taken = folder, set()

    def picture(self, tab, width, theme, *, height=None):
        wide, high, is_phone = WIDTHS[width]
        tab.look(width=wide, height=height or high, mobile=is_phone, scheme=theme)
        tab.run("scrollTo(0, 0)")
        image = Image.open(io.BytesIO(tab.driver.get_screenshot_as_png())).convert("RGB")
        # A palette makes a third of it; this one keeps the rare colours, too.
        return image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)

    def take(self, tab, place):
        """In both themes and all widths."""
        for width in WIDTHS:
            for theme in THEMES:
                picture = self.picture(tab, width, theme).convert("RGB")
                picture.save(self.folder / "console" / f"{place}-{width}-{theme}.webp", lossless=True, method=6)
        self.taken.add(place)


@pytest.mark.timeout(900)
@pytest.mark.skipif("CAUSEWAY_SCREENSHOTS" not in os.environ, reason="nobody asked for them (make screenshots)")
def test_screenshots_for_the_documentation(tmp_path):
    """Takes the pictures in the folder CAUSEWAY_SCREENSHOTS: of the simulation, then of what a person rarely sees."""
    camera = Photographer(ROOT / os.environ["CAUSEWAY_SCREENSHOTS"])
    (camera.folder / "console").mkdir(exist_ok=True)
    browser = ConsoleBrowser(tmp_path)
    try:
        with console_deployment(has_webhooks=True) as deployment, Receiver() as receiver:
            with tabs_of(browser, deployment.nginx.url + "/console/") as open_tab:
                take_work(camera, deployment, open_tab(), receiver)
                take_troubles(camera, deployment, open_tab())
    finally:
        browser.close()
    assert camera.taken == set(PLACES)


def go(tab, address, selector):
    tab.run("location.hash = arguments[0]", address)
    tab.wait_for(lambda: tab.count(selector) and tab.find(selector).is_displayed(), f"{address} is shown")


def take_work(camera, deployment, tab, receiver):
    tab.look(width=1440, height=960)
    tab.wait_for(lambda: tab.find("#demo").is_displayed(), "the demo's people are offered")
    camera.take(tab, "sign-in")
    tab.click("#demo-people button")
    tab.wait_live()
    for kind, name in (("agent", "code-reviewer"), ("workflow", "release/checkout")):
        tab.find("#follow-kind").send_keys(kind)
        tab.find("#follow-name").send_keys(name)
        tab.click("#follow button")
    webhooks = WebhookClient(deployment.services["webhooks"])
    webhooks.created(receiver.hook("chat-ops"), description="Chat ops")
    failing = receiver.hook("ticket-system")
    webhooks.created(failing, description="Ticket system")
    failing.answer = lambda number, headers: Answer(503)
    simulator = deployment.start("event-producer", "simulate", "--rate", "6", "--tenants", "acme", "--seed", "5")
    tab.wait_for(lambda: tab.count("#approvals .item") >= 2 and tab.count("#incidents .item") >= 5, "stories unfold", timeout=90)
    tab.click("#approvals .approve")
    tab.click("#decide-submit:enabled")
    tab.wait_for(lambda: tab.count("[data-outcome=approved]"), "one is approved")
    tab.wait_for(lambda: tab.count("#executions [data-state=running]"), "something is at work", timeout=90)
    # The README's.
    for name, width, theme in (("light", "desktop", "light"), ("dark", "desktop", "dark"), ("phone", "phone", "light")):
        file = camera.folder / f"console-{name}.png"
        camera.picture(tab, width, theme).save(file, optimize=True)
        assert file.stat().st_size < 200_000
    camera.take(tab, "overview")
    simulator.terminate()
    assert simulator.wait(timeout=20) == 0
    for section in ("approvals", "incidents", "notifications", "executions", "events", "webhooks", "admin"):
        go(tab, f"#/{section}", f"#{section}")
        if section == "webhooks":
            tab.wait_for(lambda: tab.count("#webhooks .item, #webhooks tbody tr") >= 2, "the webhooks are listed")
        camera.take(tab, section)
    for section, one in (("approvals", "approvals"), ("incidents", "incident"), ("events", "event")):
        address = tab.run(f"return document.querySelector('#{section} a[href^=\"#/{section}/\"]').hash")
        go(tab, address, f"#{one}")
        tab.wait_for(lambda address=address: address.rsplit("/", 1)[1] in tab.text(f"#{one}"), f"{address} is shown")
        camera.take(tab, section.removesuffix("s"))


def take_troubles(camera, deployment, tab):
    tab.sign_in(mint("nobody", "olga", ("admin",)))
    tab.wait_for_text("#overall-text", "Live")
    camera.take(tab, "empty")

    tab.run("sessionStorage.clear(); location.hash = '#/admin'; location.reload()")
    tab.wait_for(lambda: tab.find("#token").is_displayed(), "the page is signed out")
    tab.sign_in(mint("nobody", "ann"))
    tab.wait_for(lambda: tab.find("#admin").is_displayed(), "the section is shown")
    tab.wait_for_text("#overall-text", "Live")
    camera.take(tab, "forbidden")

    tab.set_network(is_there=False)
    tab.run("location.hash = '#/'")
    tab.wait_for_text("#overall-text", "No network")
    camera.take(tab, "offline")
    tab.set_network(is_there=True)

    deployment.intake.publish(requested("app_waiting", "nobody", title="Restart the checkout service"))
    tab.run("sessionStorage.clear(); location.reload()")
    tab.wait_for(lambda: tab.find("#token").is_displayed(), "the page is signed out")
    tab.sign_in(mint("nobody", "olga", ("admin",), lifetime=10))
    tab.wait_for(lambda: tab.count("#approvals .item"), "the approval is listed")
    tab.wait_for_text("#renewal-text", "has expired")
    camera.take(tab, "expired")

    deployment.remove(deployment.services["approvals"])
    tab.run("sessionStorage.clear(); location.reload()")
    tab.wait_for(lambda: tab.find("#token").is_displayed(), "the page is signed out")
    tab.enter(mint("nobody", "olga", ("admin",)))
    tab.wait_for_text("#sign-in", "does not answer")
    camera.take(tab, "failed")
