"""Tickets (contract §13): issuing them, and using them in requests of which no stream comes."""

import selectors
import socket
from urllib.parse import urlencode, urlsplit

import httpx

PATH = "/v1/tickets"


def ask_for_ticket(service, token, **arguments):
    """The response of `POST /v1/tickets`."""
    return httpx.post(service.url + PATH, headers={"Authorization": f"Bearer {token}"}, timeout=15, **arguments)


def issue(service, token):
    """A new ticket for a token."""
    answer = ask_for_ticket(service, token)
    assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
    return answer.json()["ticket"]


class Racers:
    """Connections that stay open, to several edges in turn, which send the same request at the same time.

    The request is a `HEAD`: it redeems a ticket through the same gate as `GET`, and its answer leaves the connection open whether it was accepted or
    refused. So a race of thousands of tickets needs no further connections, and no stream has to be ended.
    """

    def __init__(self, edges, count):
        self._selector = selectors.DefaultSelector()
        self._sockets = []
        for number in range(count):
            parts = urlsplit(edges[number % len(edges)].url)
            connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection, selectors.EVENT_READ)
            self._sockets.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._selector.close()
        for connection in self._sockets:
            connection.close()

    def race(self, path, **query):
        """The statuses of all racers' answers, in no order."""
        request = f"HEAD {path}?{urlencode(query)} HTTP/1.1\r\nHost: race\r\n\r\n".encode()
        for connection in self._sockets:
            connection.sendall(request)
        heads = {connection: b"" for connection in self._sockets}
        statuses = []
        while len(statuses) < len(heads):
            ready = self._selector.select(timeout=30)
            assert ready, f"{len(heads) - len(statuses)} racers got no answer"
            for key, _ in ready:
                data = key.fileobj.recv(65536)
                assert data, "an edge has closed a racer's connection"
                heads[key.fileobj] += data
                if heads[key.fileobj].endswith(b"\r\n\r\n"):
                    statuses.append(int(heads[key.fileobj].split(b" ", 2)[1]))
        return statuses
