"""The console in a real browser: tabs, their content, and user actions."""

import contextlib
from importlib.resources import files

from selenium.common.exceptions import ElementNotInteractableException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .browser import Browser
from .waiting import eventually

LANES = ("sse", "websocket", "relay")
# The most rows of the table of events (`MOST` in deploy/console/events.js).
MOST_ROWS = 120
_AXE = (files("axe_core_python") / "axe.min.js").read_text()

# Before any script of the page: what the browser complains about is kept, and every event that gets a row, in the order of the rows.
_WATCH = """
window.complaints = [];
window.arrivals = [];
addEventListener("securitypolicyviolation", (e) => complaints.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`));
addEventListener("error", (e) => complaints.push(String(e.message)));
addEventListener("unhandledrejection", (e) => complaints.push(String(e.reason)));
addEventListener("DOMContentLoaded", () => {
    const rows = document.querySelector("#events tbody");
    new MutationObserver((records) => {
        for (const record of records) for (const row of record.addedNodes) arrivals.push(row.dataset.id);
    }).observe(rows, { childList: true });
});
"""


class ConsoleBrowser(Browser):
    """Chromium with any number of tabs of the console."""

    def tab(self, url, **options):
        """Opens the console in a further tab."""
        return ConsoleTab(self._driver, url, **options)


class ConsoleTab:
    """One tab. Every call brings it to the front first."""

    def __init__(self, driver, url, *, is_watched=True):
        """`is_watched`: keeps the `arrivals` and `complaints` of the page, as many as there are."""
        self._driver = driver
        driver.switch_to.new_window("tab")
        self.handle = driver.current_window_handle
        if is_watched:
            self.command("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        driver.get(url)

    # MARK: Reading

    @property
    def driver(self):
        if self._driver.current_window_handle != self.handle:
            self._driver.switch_to.window(self.handle)
        return self._driver

    def command(self, name, **parameters):
        """Sends one command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def texts(self, selector):
        """The texts of all matching elements, visible or not."""
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), (one) => one.textContent)", selector)

    def text(self, selector):
        return " ".join(self.texts(selector))

    def count(self, selector):
        return self.run("return document.querySelectorAll(arguments[0]).length", selector)

    def lane(self, name):
        """A stream's state, who has its connection, and its figures; no state before it is shown."""
        return self.run(
            """
            const lane = document.querySelector(`[data-lane="${arguments[0]}"].lane`);
            if (!lane) return { state: null };
            const figures = Array.from(lane.querySelectorAll("[data-figure]"), (one) => [one.dataset.figure, one.textContent]);
            return {
                ...Object.fromEntries(figures.map(([name, text]) => [name, name === "latency" ? text : Number(text)])),
                state: lane.dataset.state, leads: lane.dataset.leader === "true", says: lane.querySelector(".state").textContent,
            };
            """,
            name,
        )

    def lanes(self):
        return {name: self.lane(name) for name in LANES}

    def row(self, event):
        """What the table of events says of one: its text, and each stream's figure; None if it is not there."""
        return self.run(
            """
            const row = document.querySelector(`#events tr[data-id="${arguments[0]}"]`);
            return row && Object.fromEntries([["what", row.querySelector(".what").textContent],
                ...Array.from(row.querySelectorAll("[data-lane]"), (cell) => [cell.dataset.lane, cell.textContent])]);
            """,
            event,
        )

    def rows(self):
        """The ids of the events in the table, the newest first."""
        return self.run("return Array.from(document.querySelectorAll('#events tr[data-id]'), (row) => row.dataset.id)")

    def arrivals(self):
        """The ids of all events that got a row, in that order, with every repetition."""
        return self.run("return arrivals")

    def journal(self):
        return self.texts("#journal li")

    def complaints(self):
        """The browser's errors and policy violations."""
        return self.run("return complaints")

    # MARK: Waiting

    def wait_for(self, condition, what, timeout=30):
        return eventually(condition, f"{what}\n{self.run('return document.body.innerText')[:1500]}", timeout, interval=0.1)

    def wait_live(self):
        """Waits until all streams are live."""
        self.wait_for(lambda: all(lane["state"] == "live" for lane in self.lanes().values()), "all streams are live")
        return self

    def wait_for_row(self, event, lanes=LANES):
        """Waits until an event has arrived on those streams."""

        def carried():
            row = self.row(event)
            return row if row and all(row[lane] for lane in lanes) else None

        return self.wait_for(carried, f"{event} on {lanes}")

    def wait_for_text(self, selector, part):
        return self.wait_for(lambda: part in self.text(selector), f"{selector} says {part!r}")

    # MARK: Doing

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector):
        """Clicks when it can be clicked: a dialog that is about to open has its elements already."""

        def clicked():
            try:
                self.find(selector).click()
            except ElementNotInteractableException:
                return False
            return True

        self.wait_for(lambda: self.count(selector) and clicked(), f"{selector} can be clicked")

    def enter(self, token):
        """Enters a token and signs in. The pointer is nowhere then: what it is over would stay as it is."""
        self.find("#token").send_keys(token)
        self.click("#token-form button")
        away = ActionBuilder(self.driver)
        away.pointer_action.move_to_location(0, 0)
        away.perform()

    def sign_in(self, token):
        self.enter(token)
        return self.wait_live()

    def press(self, *keys):
        """Presses keys in sequence, at the current focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def press_tab_until(self, script, most=60, *, is_back=False):
        """Goes from control to control, or back, until the focused one is it; `script` is about `it`."""
        for _ in range(most):
            if self.run(f"const it = document.activeElement; return {script}"):
                return
            self.press(Keys.SHIFT + Keys.TAB if is_back else Keys.TAB)
        raise AssertionError(f"the Tab key does not lead to {script}")

    def set_network(self, *, is_there):
        """Disables or enables this tab's network."""
        self.command("Network.enable")
        settings = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.command("Network.emulateNetworkConditions", offline=not is_there, **settings)
        # On a machine that is on no network Chromium sees no change, and says none.
        self.run("dispatchEvent(new Event(arguments[0]))", "online" if is_there else "offline")

    def look(self, *, scheme="light", width=1440, height=1000, mobile=False):
        """Resizes the tab."""
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def close(self):
        """Closes the tab; another one must be there. It may be closed already."""
        if self.handle in self._driver.window_handles:
            self.driver.close()
            self._driver.switch_to.window(self._driver.window_handles[0])


@contextlib.contextmanager
def tabs_of(browser, url):
    """Opens tabs for a test, closes them afterwards, and fails if the browser reported errors."""
    opened = []

    def open_tab():
        opened.append(browser.tab(url))
        return opened[-1]

    yield open_tab
    try:
        for tab in opened:
            if tab.handle in tab._driver.window_handles:
                assert tab.complaints() == []
    finally:
        for tab in opened:
            tab.close()


def expect_accessible(tab):
    """Fails if axe finds a serious violation, or if the page is wider than the window."""
    tab.run(f"{_AXE}; window.axe = axe;")
    found = tab.driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations), (e) => done(String(e)))"
    )
    assert isinstance(found, list), found
    serious = [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == [], "\n".join(serious)
    assert tab.run("return document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
