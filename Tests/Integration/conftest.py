"""Fixtures: a shared deployment for tests that disturb nobody, one of their own for those that do."""

import itertools
import os
import random

import pytest

from causeway_kit.every_surface import SURFACES, parameters
from causeway_kit.services import is_built
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.workspace import WorkspaceStream

# Debian keeps nginx, haproxy and nats-server where not everybody's PATH looks.
os.environ["PATH"] += ":/usr/sbin"

# It needs clients that others wrote; without the service there is nothing for them to connect to.
collect_ignore = [] if is_built(WorkspaceStream.executable) else ["test_workspace_stream.py"]


@pytest.fixture(scope="session")
def shared():
    """One deployment for all tests that need no other settings and stop nothing. Keep to a tenant of your own in it: see `tenant`."""
    with Stack() as stack:
        stack.shared_edge = stack.shared_edge_of(NotificationStream.executable)
        yield stack


@pytest.fixture
def edge(shared, request):
    """The shared deployment's edge: of the surface that the test is about, or else of the notification stream."""
    surface = request.getfixturevalue("surface") if "surface" in request.fixturenames else NotificationStream
    return shared.shared_edge_of(surface.executable)


@pytest.fixture
def stack():
    """A deployment of the test's own, to be stopped, killed and reconfigured. Has a bus and a producer; start the edges you need."""
    with Stack() as own:
        yield own


_numbers = itertools.count(1)


@pytest.fixture
def tenant():
    """The name of a tenant that no other test uses."""
    return f"tenant_{next(_numbers)}"


@pytest.fixture(params=parameters(SURFACES))
def surface(request):
    """Every surface in turn; `every_surface` has marks for tests that are about some of them."""
    return request.param


@pytest.fixture
def chance(record_property):
    """Randomness that can be repeated: `SEED=<number>` runs a scenario as it ran when it failed. The seed is printed with a failure."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    record_property("seed", seed)
    return random.Random(seed)
