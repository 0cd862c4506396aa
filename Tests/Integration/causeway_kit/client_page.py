"""Pages that use the browser client (Clients/JavaScript/causeway), behind nginx with the services, in tabs of one real browser."""

import json

from .browser import Browser
from .proxy import Nginx
from .waiting import eventually

_PAGE = """<!doctype html><meta charset="utf-8"><title>Client</title><script type="module">
import * as library from "/console/causeway/causeway.js";
window.library = library;
window.streams = {};
window.tokenRequests = [];
window.tokenNotices = [];
window.connect = (token, options) => {
    window.tokens = [token].flat();
    const get = async (request) => {
        window.tokenRequests.push(request);
        if (window.isSourceDown) throw new Error("the source of tokens is down");
        if (options.downAfterFirst) window.isSourceDown = true;
        return window.tokens.length > 1 ? window.tokens.shift() : window.tokens[0];
    };
    window.causeway = new library.Causeway({ ...options, token: options.fixedToken ? token : get });
    window.causeway.addEventListener("token", ({ detail }) => tokenNotices.push(detail.state));
};
window.follow = (name, method, words) => {
    const stream = window.causeway[method](...words);
    const log = { event: [], state: [], gap: [], heartbeat: [], error: [] };
    for (const kind of Object.keys(log)) {
        stream.addEventListener(kind, ({ detail }) => log[kind].push(kind === "error" ? { code: detail.code, message: detail.message } : detail));
    }
    window.streams[name] = { stream, log };
};
window.isReady = true;
</script>"""

_LOCATIONS = """
        location = /client {
            default_type "text/html; charset=utf-8";
            alias %(page)s;
        }
"""


class ClientSite(Nginx):
    """nginx in front of the services, as in production, with the page at `/client`."""

    def __init__(self, directory, services, *, name="nginx-client", cors_origins="", options=()):
        page = directory / f"{name}.html"
        page.write_text(_PAGE)
        locations = _LOCATIONS % {"page": page}

        def edit(text):
            return text.replace("        location / {", locations + "        location / {")

        super().__init__(directory, services, name=name, edit=edit, cors_origins=cors_origins, options=options)

    @property
    def page(self):
        return f"{self.url}/client"


class ClientBrowser(Browser):
    """Chromium with any number of tabs on the page."""

    def __init__(self, profile, **options):
        super().__init__(profile, **options)
        # The browser ends with its last tab; this one is never used.
        self._first = self._driver.current_window_handle

    def tab(self, site, token, **options):
        """Opens a tab with the page, and waits until it has created its `Causeway`.

        `token`: what its callback returns, or a list of what it returns in turn, the last one ever after. `options`: as in JavaScript;
        `fixedToken=True`: no callback.
        """
        self._driver.switch_to.window(self._first)
        self._driver.switch_to.new_window("tab")
        tab = ClientTab(self._driver)
        tab.load(site, token, options)
        return tab

    def close_tab(self, tab):
        """Closes the tab like a user. It may be closed already."""
        if tab.handle in self._driver.window_handles:
            self._driver.switch_to.window(tab.handle)
            self._driver.close()
            self._driver.switch_to.window(self._first)


class ClientTab:
    def __init__(self, driver):
        self._driver = driver
        self.handle = driver.current_window_handle

    def load(self, site, token, options):
        self._driver.get(site.page)
        eventually(lambda: self.run("return window.isReady"), "the page has loaded the client")
        self.run("connect(...arguments)", token, options)

    def run(self, script, *arguments):
        """Runs a script in this tab, and awaits its result if that is a promise."""
        if self._driver.current_window_handle != self.handle:
            self._driver.switch_to.window(self.handle)
        return self._driver.execute_script(script, *arguments)

    def network(self, *, offline):
        """Disables or enables this tab's network."""
        self.run("return 0")
        conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._driver.execute_cdp_cmd("Network.enable", {})
        self._driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
        # On a machine that is on no network Chromium sees no change, and says none.
        self.run("dispatchEvent(new Event(arguments[0]))", "offline" if offline else "online")

    def follow(self, name, method, *words):
        """Opens `causeway.method(...words)` and records its events under that name."""
        self.run("follow(...arguments)", name, method, list(words))
        return self

    def log(self, name, kind):
        """The details of the events of that kind so far."""
        return json.loads(self.run("return JSON.stringify(streams[arguments[0]].log[arguments[1]])", name, kind))

    def events(self, name):
        return self.log(name, "event")

    def numbers(self, name):
        """The numbers of the received events of `numbered`."""
        return self.run("return streams[arguments[0]].log.event.map((event) => event.data.n)", name)

    def state(self, name):
        return self.run("return streams[arguments[0]].stream.state", name)

    def states(self, name):
        """The stream's states so far, as `state reason`."""
        return [f"{state['state']} {state['reason']}" for state in self.log(name, "state")]

    def wait_state(self, name, state, timeout=30):
        """Waits until it is in that state, and returns its detail."""

        def reached():
            detail = self.state(name)
            return detail if detail["state"] == state else None

        try:
            return eventually(reached, f"{name} is {state}", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.states(name)}\n{self.log(name, 'error')}") from None
