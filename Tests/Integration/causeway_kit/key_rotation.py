"""Keys that are replaced while clients present tokens all the time (contract §1)."""

import itertools
import json
import os
import secrets
import threading
from abc import ABC, abstractmethod

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .intake import numbered
from .relay import Relay
from .sse import SSEConnection
from .surfaces import NotificationStream
from .tokens import mint
from .waiting import eventually, pause
from .websocket import Close, Text, WebSocketConnection
from .workspace import WorkspaceStream, workspace_of

#: The roles for which every program accepts a request.
_ROLES = ("admin", "member", "producer")
_numbers = itertools.count(1)


def replace(path, content):
    """Replaces a file as docs/authentication.md says: by one step, so that nobody reads half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(content)
    os.replace(new, path)


class KeySource(ABC):
    """One way to configure keys. Keys have numbers; a token is signed with one of them."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()

    @property
    @abstractmethod
    def settings(self):
        """The settings of every process."""

    @abstractmethod
    def token(self, number):
        """A token that is signed with that key."""

    @abstractmethod
    def add(self, number):
        """Makes a key valid beside the one before it."""

    @abstractmethod
    def remove(self, number):
        """Takes a key out of use; the one after it is valid."""

    #: What no log may show.
    shared_secrets = ()


class SharedSecret(KeySource):
    """HS256 with two secret files."""

    def __init__(self, directory):
        super().__init__(directory)
        self._current, self._previous = directory / "secret", directory / "previous-secret"
        self.shared_secrets = [secrets.token_hex(32) for _ in range(20)]
        self._current.write_text(self.shared_secrets[0])
        self._previous.write_text(self.shared_secrets[0])

    @property
    def settings(self):
        return {"auth_hs256_secret": None, "auth_hs256_secret_file": self._current, "auth_hs256_secret_previous_file": self._previous}

    def token(self, number):
        return mint(roles=_ROLES, secret=self.shared_secrets[number])

    def add(self, number):
        replace(self._previous, self.shared_secrets[number - 1] + "\n")
        replace(self._current, self.shared_secrets[number] + "\n")

    def remove(self, number):
        replace(self._previous, self.shared_secrets[number + 1] + "\n")


class _KeyPairs(KeySource):
    """ES256 with one file for all public keys."""

    def __init__(self, directory):
        super().__init__(directory)
        self._pairs = [ec.generate_private_key(ec.SECP256R1()) for _ in range(20)]
        self._write(0)

    def add(self, number):
        self._write(number - 1, number)

    def remove(self, number):
        self._write(number + 1)

    def _write(self, *numbers):
        replace(self._file, self._content(numbers))

    def _public(self, number):
        return self._pairs[number].public_key()


class PublicKeyFile(_KeyPairs):
    """A PEM file; its keys have no ids."""

    @property
    def _file(self):
        return self.directory / "public.pem"

    @property
    def settings(self):
        return {"auth_hs256_secret": None, "auth_public_key_file": self._file}

    def token(self, number):
        return mint(roles=_ROLES, secret=self._pairs[number], algorithm="ES256")

    def _content(self, numbers):
        pems = [self._public(number).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for number in numbers]
        return b"".join(pems).decode()


class KeySetFile(_KeyPairs):
    """A JSON Web Key Set."""

    @property
    def _file(self):
        return self.directory / "jwks.json"

    @property
    def settings(self):
        return {"auth_hs256_secret": None, "auth_jwks_file": self._file}

    def token(self, number):
        return mint(roles=_ROLES, secret=self._pairs[number], algorithm="ES256", headers={"kid": f"key-{number}"})

    def _content(self, numbers):
        keys = [json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._public(number))) for number in numbers]
        return json.dumps({"keys": [key | {"kid": f"key-{number}", "use": "sig"} for number, key in zip(numbers, keys, strict=True)]})


def _open_stream(service, token):
    connection = SSEConnection(service.url + NotificationStream.path, token=token)
    connection.close()
    return connection.status


def _open_workspace(service, token):
    """The handshake succeeds for every token, as browsers do not tell pages how one was refused: the answer is the first message."""
    with WebSocketConnection(service.url + WorkspaceStream.path, query={"token": token, "workspace": workspace_of(token)}) as connection:
        match connection.next():
            case Close(4401, _):
                return 401
            case Text(text) if json.loads(text)["type"] == "connected":
                return 200
            case other:
                return other


def _open_relay(service, token):
    connection = WebSocketConnection(service.url + Relay.path, token=token)
    connection.close()
    return connection.status


def _list(service, token):
    return httpx.get(f"{service.url}/v1/notifications", headers={"Authorization": f"Bearer {token}"}, timeout=15).status_code


def _list_endpoints(service, token):
    return httpx.get(f"{service.url}/v1/webhooks", headers={"Authorization": f"Bearer {token}"}, timeout=15).status_code


def _publish(service, token):
    event = numbered(next(_numbers), prefix="rotation")
    return httpx.post(f"{service.url}/v1/events", json=event, headers={"Authorization": f"Bearer {token}"}, timeout=15).status_code


#: How each program is asked, and how it answers a valid token.
_QUESTIONS = {
    NotificationStream.executable: (_open_stream, 200),
    WorkspaceStream.executable: (_open_workspace, 200),
    Relay.executable: (_open_relay, 101),
    "approval-api": (_list, 200),
    "event-producer": (_publish, 202),
    "webhook-dispatcher": (_list_endpoints, 200),
}


class Crowd:
    """Clients that present every token to every process, all the time, and note each answer that contradicts what is known of its key."""

    #: Requests of one client per second, at most: an upper bound, so that the machine has time for the rest.
    _RATE = 50

    def __init__(self, source, services):
        """`services`: by the name of their program."""
        assert services.keys() == _QUESTIONS.keys()
        self._source, self._services = source, services
        # Whether tokens of a key are valid; None while that changes.
        self._validity = {0: True, 1: False}
        self._tokens = {number: source.token(number) for number in self._validity}
        self._contradictions = []
        self._answers = dict.fromkeys(services, 0)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(program,)) for program in services for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join(timeout=60)
        if kind is None:
            self._expect_no_contradiction()

    def rotate(self, number):
        """From that key to the next, which nobody has accepted before; returns when every process refuses the former one."""
        old, new = number, number + 1
        self._wait_for_answers()
        self._validity[new] = None
        self._source.add(new)
        self._settle(new, True)
        self._wait_for_answers()
        self._validity[old] = None
        self._source.remove(old)
        self._settle(old, False)
        self._wait_for_answers()
        self._tokens[new + 1] = self._source.token(new + 1)
        self._validity[new + 1] = False

    def _settle(self, number, is_valid):
        """Waits until every process accepts, or refuses, tokens of that key."""
        for program, service in self._services.items():
            ask, accepted = _QUESTIONS[program]
            wanted = accepted if is_valid else 401
            what = f"{program} {'accepts' if is_valid else 'refuses'} key {number}"
            eventually(lambda: ask(service, self._tokens[number]) == wanted, what, timeout=30)
        self._validity[number] = is_valid

    def _wait_for_answers(self, count=40):
        """Waits until every process has answered so often with the keys as they are now."""
        before = dict(self._answers)

        def have_come():
            self._expect_no_contradiction()
            return all(self._answers[program] >= before[program] + count for program in before)

        eventually(have_come, "every process answers", timeout=60)

    def _expect_no_contradiction(self):
        assert not self._contradictions, "\n".join(self._contradictions[:20])

    def _ask(self, program):
        ask, accepted = _QUESTIONS[program]
        for number in itertools.cycle(range(100)):
            if self._is_over.is_set():
                return
            known = self._validity.get(number)
            if known is None:
                continue
            try:
                status = ask(self._services[program], self._tokens[number])
            except Exception as error:
                status = repr(error)
            # The keys may have been changed meanwhile: then either answer is right.
            if self._validity[number] is known and status != (accepted if known else 401):
                self._contradictions.append(f"{program} answered {status} to a token of key {number}, which is {'' if known else 'not '}valid")
            self._answers[program] += 1
            pause(1 / self._RATE)
