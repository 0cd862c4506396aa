"""Free ports on loopback for processes that must know theirs beforehand."""

import os
import random
import socket

# Below the range from which the kernel takes ports for outgoing connections, of which the tests make thousands: a port
# chosen here stays free while its process is being killed and started again. Each of pytest-xdist's workers has a part of it.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
#: The ports of all workers: from the first up to, but not including, the last.
FIRST, LAST = 12_000, 25_000
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_SPAN = (LAST - FIRST) // _WORKERS
# One that takes the place of a crashed worker has a number beyond their count.
_FIRST = FIRST + WORKER % _WORKERS * _SPAN
_LAST = _FIRST + _SPAN
_random = random.Random(os.getpid())
_taken = set()


def free_port():
    """A free port that this run has not used before."""
    for _ in range(1000):
        port = _random.randrange(_FIRST, _LAST)
        if port not in _taken and is_free(port):
            _taken.add(port)
            return port
    raise AssertionError(f"no free port between {_FIRST} and {_LAST}")


def is_free(port):
    """Whether a process could listen there on any address of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
