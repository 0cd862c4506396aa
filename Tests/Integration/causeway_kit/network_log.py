"""What a browser has requested, opened and printed: its own record, by the DevTools protocol."""

import json
from urllib.parse import parse_qs, urlsplit

#: The option of the driver that makes the browser record.
RECORDING = {"performance": "ALL", "browser": "ALL"}


class NetworkLog:
    """Of a `Browser` made with `is_recorded=True`. It grows with every look at it."""

    def __init__(self, driver):
        self._driver = driver
        self._messages = []
        self._printed = []

    def _look(self):
        """Takes what was recorded since the last look: the driver forgets it."""
        self._messages += [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        self._printed += [entry["message"] for entry in self._driver.get_log("browser")]

    def _of(self, *methods):
        self._look()
        return [message["params"] for message in self._messages if message["method"] in methods]

    @property
    def addresses(self):
        """The URL of every request and of every WebSocket."""
        return [about["request"]["url"] for about in self._of("Network.requestWillBeSent")] + [
            about["url"] for about in self._of("Network.webSocketCreated")
        ]

    def addresses_of(self, path):
        return [url for url in self.addresses if urlsplit(url).path == path]

    def tickets_of(self, path):
        """The tickets with which a path was opened."""
        return [ticket for url in self.addresses_of(path) for ticket in parse_qs(urlsplit(url).query).get("ticket", [])]

    @property
    def handshakes(self):
        """The header fields of every WebSocket's handshake."""
        return [about["request"]["headers"] for about in self._of("Network.webSocketWillSendHandshakeRequest")]

    @property
    def referrers(self):
        """The values of `Referer` in all requests."""
        fields = [about["request"]["headers"] for about in self._of("Network.requestWillBeSent")]
        fields += [about["headers"] for about in self._of("Network.requestWillBeSentExtraInfo")]
        return [value for headers in fields for name, value in headers.items() if name.lower() == "referer"]

    def frames_sent(self, **members):
        """How many WebSocket messages with these members the pages have sent."""
        return self._frames("Network.webSocketFrameSent", members)

    def frames_received(self, **members):
        return self._frames("Network.webSocketFrameReceived", members)

    def _frames(self, method, members):
        frames = [about["response"] for about in self._of(method)]
        messages = [json.loads(frame["payloadData"]) for frame in frames if frame["opcode"] == 1]
        return sum(members.items() <= {name: value for name, value in message.items() if isinstance(value, str)}.items() for message in messages)

    @property
    def printed(self):
        """The lines of the browser's console."""
        self._look()
        return self._printed

    @property
    def history(self):
        """The addresses in the history of the current tab."""
        return [entry["url"] for entry in self._driver.execute_cdp_cmd("Page.getNavigationHistory", {})["entries"]]
