"""Fixtures: a shared deployment for tests that leave its services alone, and a separate one for tests that do not."""

import contextlib
import itertools
import os
import random
import signal
from collections import Counter

import pytest

from causeway_kit import tiers
from causeway_kit.approvals import approval_services
from causeway_kit.doorways import DOORS, door_name
from causeway_kit.every_surface import SURFACES, parameters
from causeway_kit.services import is_built
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.votes import ApprovalEvents, Person
from causeway_kit.workspace import WorkspaceStream

# Debian installs nginx, haproxy and nats-server in a folder that may not be in PATH.
os.environ["PATH"] += ":/usr/sbin"

# A run in the background ignores SIGINT, and so would every program that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# It needs third-party clients; without the service they have nothing to connect to.
collect_ignore = [] if is_built(WorkspaceStream.executable) else ["test_workspace_stream.py"]


def pytest_addoption(parser):
    group = parser.getgroup("causeway", "which of the integration tests run (Tests/Integration/run)")
    group.addoption("--fast", action="store_true", help="only those that start nothing but Causeway and nats-server, and are not marked long")
    group.addoption("--part", choices=("beside", "alone"), help="only those that may run side by side, or only those marked alone")


def pytest_collection_modifyitems(config, items):
    def is_wanted(item):
        part = "alone" if item.get_closest_marker("alone") else "beside"
        return config.option.part in (None, part) and (not config.option.fast or tiers.is_fast(item))

    wanted, others = [], []
    for item in items:
        (wanted if is_wanted(item) else others).append(item)
    config.hook.pytest_deselected(items=others)
    if hasattr(config, "workerinput"):
        # In parallel runs, files with `long` tests go first, then those with many, so that no process is still busy with one when the others have
        # ended.
        long = Counter(item.path for item in wanted if item.get_closest_marker("long"))
        count = Counter(item.path for item in wanted)
        wanted.sort(key=lambda item: (-long[item.path], -count[item.path], item.path))
    items[:] = wanted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    # In a run of all tests as well: where every program is installed, nothing else would show that one is needed.
    with tiers.guarding(item.nodeid) if tiers.is_fast(item) else contextlib.nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def shared():
    """The shared deployment, for tests that need no other settings and stop no service. Use a separate tenant in it: see `tenant`."""
    with Stack() as stack:
        stack.shared_edge = stack.shared_edge_of(NotificationStream.executable, quick_door=DOORS[0])
        yield stack


@pytest.fixture(scope="session", params=DOORS[: size(1, 2)], ids=door_name)
def quick_door(request):
    """The setting `quick.door` of the shared edges: both values in a drill; the tests of requests have a fixture that always takes both."""
    return request.param


@pytest.fixture
def edge(shared, quick_door, request):
    """The shared deployment's edge of the tested surface, by default that of the notification stream."""
    surface = request.getfixturevalue("surface") if "surface" in request.fixturenames else NotificationStream
    return shared.shared_edge_of(surface.executable, quick_door=quick_door)


@pytest.fixture
def stack():
    """A separate deployment that the test may stop, kill and reconfigure. Has a bus and a producer; start the edges you need."""
    with Stack() as own:
        yield own


_numbers = itertools.count(1)


@pytest.fixture
def tenant():
    """A unique tenant name."""
    return f"tenant_{next(_numbers)}"


@pytest.fixture(scope="module")
def replicas(shared, request):
    """Two replicas of approval-api in the shared deployment, or as many as the module's `REPLICAS`, for tests that do not stop them."""
    return approval_services(shared, getattr(request.module, "REPLICAS", 2), expiry_interval="100ms")


@pytest.fixture
def person(replicas, tenant):
    """Makes a person of the tenant at the first replica: `person("ann", "security")`."""
    return lambda user, *roles, basic="member": Person(replicas[0], tenant, user, *roles, basic=basic)


@pytest.fixture
def events(shared, tenant):
    """The tenant's events about approvals."""
    return ApprovalEvents(shared, tenant)


@pytest.fixture(params=parameters(SURFACES))
def surface(request):
    """Each surface in turn; `every_surface` has marks for tests of some of them."""
    return request.param


@pytest.fixture
def chance(record_property):
    """Seeded random numbers: `SEED=<number>` repeats a failed run. The seed is printed with a failure."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    record_property("seed", seed)
    return random.Random(seed)
