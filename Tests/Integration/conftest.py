"""Fixtures: a shared deployment for tests that disturb nobody, one of their own for those that do."""

import itertools
import os
import random

import pytest

from causeway_kit.stack import Stack
from causeway_kit.surfaces import SURFACES


@pytest.fixture(scope="session")
def shared():
    """One deployment for all tests that need no other settings and stop nothing. Keep to a tenant of your own in it: see `tenant`."""
    with Stack() as stack:
        stack.shared_edge = stack.edge()
        yield stack


@pytest.fixture
def edge(shared):
    """The shared deployment's edge."""
    return shared.shared_edge


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


@pytest.fixture(params=SURFACES, ids=lambda surface: surface.name.replace(" ", "-"))
def surface(request):
    """Every surface in turn."""
    return request.param


@pytest.fixture
def chance(record_property):
    """Randomness that can be repeated: `SEED=<number>` runs a scenario as it ran when it failed. The seed is printed with a failure."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    record_property("seed", seed)
    return random.Random(seed)
