"""Many readers of one tenant in one thread, for scenarios in which the single client does not matter but their number does."""

import hashlib
import selectors
import socket
import threading
from collections import Counter

from .surfaces import Opened


class _Reader:
    """What one connection got, as a digest: everybody of a tenant is sent the same bytes."""

    def __init__(self, connection):
        self.connection = connection
        self.digest = hashlib.blake2b(digest_size=16)
        self.bytes = 0
        self.is_closed = False

    def take(self, data):
        self.digest.update(data)
        self.bytes += len(data)


class Crowd:
    """Reads all that comes on many plain connections of a surface. Their edge must send no heartbeats in the meantime."""

    def __init__(self, connections):
        self._readers = []
        self._selector = selectors.DefaultSelector()
        for connection in connections:
            opening = connection.next()
            assert isinstance(opening, Opened), f"not an opening: {opening}"
            reader = _Reader(connection)
            connection.socket.setblocking(False)
            self._selector.register(connection.socket, selectors.EVENT_READ, reader)
            self._readers.append(reader)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="crowd", daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stopped.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                try:
                    data = key.fileobj.recv(1 << 18)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    data = b""
                if data:
                    key.data.take(data)
                else:
                    key.data.is_closed = True
                    self._selector.unregister(key.fileobj)

    @property
    def least(self):
        """Bytes that the slowest of them has got so far."""
        return min(reader.bytes for reader in self._readers)

    def digests(self):
        """How many of them got which content: one content, if all got the same."""
        assert not any(reader.is_closed for reader in self._readers), "the edge closed connections of healthy readers"
        return Counter((reader.bytes, reader.digest.hexdigest()) for reader in self._readers)

    def close(self):
        self._stopped.set()
        self._thread.join()
        for reader in self._readers:
            reader.connection.close()
        self._selector.close()


def drain_socket(connection, byte_count, timeout):
    """Reads exactly that many bytes and returns (count, digest), comparable with `Crowd.digests`."""
    connection.socket.settimeout(timeout)
    # A window of less than half of the largest one is filled only when the kernel's persist timer fires (RFC 9293 §3.8.6.2.1): 2 kB each 200 ms.
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    reader = _Reader(connection)
    while reader.bytes < byte_count:
        data = connection.socket.recv(min(1 << 18, byte_count - reader.bytes))
        assert data, f"closed after {reader.bytes} of {byte_count} bytes"
        reader.take(data)
    return reader.bytes, reader.digest.hexdigest()
