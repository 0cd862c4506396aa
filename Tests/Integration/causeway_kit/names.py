"""A name server for proxies that resolve services by name, as in containers."""

import socket
import struct
import threading


class NameServer:
    """Answers questions for IPv4 addresses (RFC 1035) over UDP on loopback. `addresses`: those of each name, at any moment."""

    def __init__(self):
        self.addresses = {}
        self.questions = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="name server", daemon=True)
        self._thread.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self._socket.getsockname()[1]

    def _serve(self):
        while True:
            try:
                question, client = self._socket.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.questions += 1
            self._socket.sendto(self._answer(question), client)

    def _answer(self, question):
        labels, position = [], 12
        while length := question[position]:
            labels.append(question[position + 1 : position + 1 + length].decode())
            position += 1 + length
        asked = question[12 : position + 5]
        kind = int.from_bytes(question[position + 1 : position + 3], "big")
        addresses = self.addresses.get(".".join(labels))
        records = [] if kind != 1 else addresses or []
        # A response, recursion available; code 3 says that there is no such name.
        head = struct.pack("!HHHHHH", int.from_bytes(question[:2], "big"), 0x8180 | (3 if addresses is None else 0), 1, len(records), 0, 0)
        body = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, 600, 4) + socket.inet_aton(address) for address in records)
        return head + asked + body

    def close(self):
        # An empty datagram wakes the thread, which a closed socket does not.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()
