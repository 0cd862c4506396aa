"""Faults of the machine: their effect on clients, and automatic recovery (docs/operating.md)."""

import contextlib
import os
import signal
import subprocess
import time

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.clock import Clock
from causeway_kit.every_surface import SURFACES
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, Intake
from causeway_kit.nats_server import NATSServer
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.tokens import mint, producer_token
from causeway_kit.waiting import eventually, pause

#: How long a process stands still.
STANDSTILL = size(4, 20)


class Deployment:
    """All six services, a client on each surface that reconnects after every disconnect, and events at a steady rate."""

    def __init__(self, stack, **settings):
        self.stack = stack
        self.approvals = approval_service(stack, **settings).wait_ready()
        self.edges = {name: stack.edge(name, **settings) for name in {surface.executable for surface in SURFACES}}
        webhooks = stack.start("webhook-dispatcher", **settings).wait_ready()
        self.services = {"event-producer": stack.producer, "approval-api": self.approvals, "webhook-dispatcher": webhooks, **self.edges}
        lasting = mint(lifetime=6 * 3600)
        self.followers = [Follower(surface, [self.edges[surface.executable]], lasting, cursor="") for surface in SURFACES]
        self._number = 0

    def __enter__(self):
        # The relay delivers only events with its fields, the others deliver everything.
        carrier = next(surface for surface in SURFACES if not surface.carries_everything)
        self._intake = Intake(self.stack.producer, producer_token(lifetime=6 * 3600))
        self._flow = Flow(self._intake, (carrier.numbered(n) for n in range(10_000_000)), rate=100, batch=10)
        self._flow.start()
        for follower in self.followers:
            follower.start()
        self.expect_life()
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(AssertionError) if kind else contextlib.nullcontext():
            self._flow.stop()
        for follower in self.followers:
            follower.stop()
        self._intake.close()

    def expect_life(self, timeout=60):
        """Waits until events are accepted and delivered, and a decision succeeds, without intervention."""
        accepted = self._flow.accepted
        eventually(lambda: self._flow.accepted > accepted + 100, "events are accepted", timeout)
        for follower in self.followers:
            follower.wait_for_count(self._flow.accepted - 50, timeout)
        for name, service in self.services.items():
            eventually(lambda service=service: service.readiness() == 200, f"{name} is ready", timeout)
        self._number += 1
        name = f"apr-{self._number}"
        client = ApprovalClient(self.approvals, roles=("admin",))
        client.token = mint(roles=("admin",), lifetime=6 * 3600)
        self._intake.publish_surely([requested(name)])

        def is_decided():
            answer = client.decide(name)
            assert answer.status_code in (200, 409, 503), f"{answer.status_code} {answer.text}"
            return answer.status_code != 503

        eventually(is_decided, "a decision is made", timeout)

    def expect_nothing_lost(self):
        """Every client got every event, once and in order. No event was dropped, so there are no gaps."""
        self._flow.stop()
        for follower in self.followers:
            # What the followers get besides are the events of the approvals.
            follower.wait_for(
                lambda events: sum("n" in event.payload for event in events) >= self._flow.accepted, "all has arrived", timeout=60
            )
            numbers = [event.payload["n"] for event in follower.events if "n" in event.payload]
            assert numbers == list(range(self._flow.accepted)), f"{follower.surface}: {first_fault(numbers)}"
            assert follower.gaps == [], f"{follower.surface}: {follower.gaps}"

    def report(self, what, seconds):
        ends = {follower.surface.name: follower.ends for follower in self.followers}
        print(f"{what}: {self._flow.accepted} events, recovered {seconds:.1f} s after it was over; endings told: {ends}")


def first_fault(numbers):
    index = next((index for index, number in enumerate(numbers) if number != index), len(numbers))
    return f"{numbers[max(0, index - 2) : index + 3]} at {index}"


@pytest.mark.long
@pytest.mark.timeout(size(180, 600))
def test_every_process_may_stand_still_for_a_while(stack):
    """As under a machine that swaps or a virtual machine that is moved: SIGSTOP, and SIGCONT later."""
    with Deployment(stack) as deployment:
        for name, process in {**deployment.services, "nats-server": stack.nats}.items():
            # The duration of the standstill is the test's input.
            process.signal(signal.SIGSTOP)
            pause(STANDSTILL)
            process.signal(signal.SIGCONT)
            begin = time.monotonic()
            deployment.expect_life()
            deployment.report(f"{name} stood still for {STANDSTILL} s", time.monotonic() - begin)
        stack.check()
        deployment.expect_nothing_lost()


@pytest.mark.long
@pytest.mark.timeout(size(180, 300))
@pytest.mark.parametrize("step", [3600, -3600], ids=["forwards", "backwards"])
def test_the_clock_may_be_stepped(step, tmp_path):
    """The wall clock of our processes jumps by an hour; nats-server's stays."""
    clock = Clock(tmp_path / "offset")
    with Stack(**clock.settings) as stack, Deployment(stack, **clock.settings) as deployment:
        clock.set(step)
        begin = time.monotonic()
        deployment.expect_life()
        deployment.report(f"the clock stepped by {step} s", time.monotonic() - begin)
        clock.set(0)
        begin = time.monotonic()
        deployment.expect_life()
        deployment.report(f"the clock stepped by {-step} s", time.monotonic() - begin)
        stack.check()
        deployment.expect_nothing_lost()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_full_disk_under_the_bus_loses_nothing_that_was_accepted(small_disk):
    """nats-server 2.9 disables JetStream when its disk is full, until it is restarted; after that everything recovers automatically."""
    with Stack(nats=NATSServer(small_disk)) as stack, Deployment(stack) as deployment:
        filler = small_disk / "filler"
        padded = {"type": "load.filler", "tenant": "filler", "payload": {"padding": "x" * 200_000}}

        def is_full():
            answer = deployment.stack.intake.post([padded])
            assert answer.status_code in (202, 503), f"{answer.status_code} {answer.text}"
            return answer.status_code == 503

        with filler.open("wb") as file, contextlib.suppress(OSError):
            free = os.statvfs(small_disk)
            file.write(b"x" * max(0, free.f_bavail * free.f_frsize - (4 << 20)))
        with contextlib.suppress(httpx.TimeoutException):
            eventually(is_full, "the disk is full", timeout=60)
        filler.unlink()
        stack.nats.kill()
        stack.nats.start()
        begin = time.monotonic()
        deployment.expect_life()
        deployment.report("the disk under nats-server was full", time.monotonic() - begin)
        stack.check()
        deployment.expect_nothing_lost()
