"""A real browser: Debian's headless Chromium, a page with an `EventSource`, and pages that run a script and record its output."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service as DriverService

from .network_log import RECORDING, NetworkLog
from .services import ROOT

_PAGE = b"""<!doctype html><meta charset="utf-8"><title>EventSource</title><script>
var received = [], states = [], source;
function follow(url, types) {
    source = new EventSource(url);
    source.onopen = () => states.push("open");
    source.onerror = () => states.push(source.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
    for (const type of types) {
        source.addEventListener(type, e => received.push({ type: e.type, id: e.lastEventId, data: e.data, origin: e.origin }));
    }
}
</script>"""


# What a script prints is kept as lines, next to where the browser's own console shows it.
_SCRIPT_PAGE = """<!doctype html><meta charset="utf-8"><title>Script</title><script>
var printed = [];
for (const level of ["log", "warn", "error"]) {
    const print = console[level];
    console[level] = (...words) => { printed.push(words.map(String).join(" ")); print(...words); };
}
</script><script type="module">%s</script>"""


class _PageHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        page = self.server.pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page or b"")))
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *_):
        pass


class PageServer:
    """Serves pages from a separate origin, like a third-party product: the `EventSource` at `/`; scripts, next to the browser client."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _PageHandler)
        client = ROOT / "Clients/JavaScript/causeway/src"
        modules = {f"/scripts/causeway/{file.relative_to(client)}": file.read_bytes() for file in client.rglob("*.js")}
        self._server.pages = {"/": _PAGE} | modules
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def put_script(self, script):
        """Serves a page that runs the script as a module, and returns its URL."""
        path = f"/scripts/{len(self._server.pages)}"
        self._server.pages[path] = (_SCRIPT_PAGE % script).encode()
        return self.origin + path

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Browser:
    """Chromium on the page, with a temporary profile. `arguments`: further command-line arguments. `is_recorded`: it has a `network` log."""

    def __init__(self, profile, *arguments, is_recorded=False):
        options = Options()
        if is_recorded:
            options.set_capability("goog:loggingPrefs", RECORDING)
        options.binary_location = "/usr/bin/chromium"
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={profile}",
            *arguments,
        ):
            options.add_argument(argument)
        self._driver = webdriver.Chrome(options=options, service=DriverService("/usr/bin/chromedriver"))
        self.network = NetworkLog(self._driver) if is_recorded else None

    def open(self, url):
        self._driver.get(url)

    def follow(self, url, types):
        """Opens an `EventSource` and listens to those types."""
        self._driver.execute_script("follow(arguments[0], arguments[1])", url, list(types))

    def received(self):
        """The events that the page's listeners received so far: `type`, `id`, `data`, `origin`."""
        return json.loads(self._driver.execute_script("return JSON.stringify(received)"))

    def states(self):
        """The states of the `EventSource` so far: `open`, `reconnecting`, `closed`."""
        return self._driver.execute_script("return states")

    def run(self, script, *arguments):
        """Runs a script in the page, and awaits its result if that is a promise."""
        return self._driver.execute_script(script, *arguments)

    def printed(self):
        """The lines that the page's script has printed so far."""
        return self._driver.execute_script("return printed")

    def close(self):
        self._driver.quit()
