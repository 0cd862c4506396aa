"""Many executions with racing producers, and viewers that join and disconnect at random: each gets 1…n of its execution, the final event last."""

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.intake import Intake
from causeway_kit.sizes import size
from causeway_kit.tokens import mint

EXECUTIONS = size(40, 1000)
EVENTS = size(60, 200)
VIEWERS = size(60, 500)
PRODUCERS = 3
#: Every so many executions all producers write to at the same time.
RACED = 4
TENANT = "acme"


class Viewer(threading.Thread):
    """Follows one execution to its end, with many disconnects."""

    def __init__(self, name, edges, chance, gate):
        super().__init__(name=f"viewer of {name}", daemon=True)
        self.execution, self._edges, self._chance, self._gate = name, edges, chance, gate
        self.events, self.breaks, self.failure = [], 0, None

    def run(self):
        try:
            self._gate.wait()
            threading.Event().wait(self._chance.random() * size(2, 60))
            last = None
            while True:
                edge = self._chance.choice(self._edges)
                with ExecutionStream(edge, "agents", self.execution, mint(TENANT), last=last, wait="true") as stream:
                    if stream.status == 204:
                        return
                    assert stream.status == 200, stream.status
                    last = self._watch(stream, last)
        except BaseException as failure:  # it is raised again in the test's own thread
            self.failure = failure

    def _watch(self, stream, last):
        left = self._chance.randint(1, EVENTS) if self._chance.random() < 0.8 else None
        while left is None or left > 0:
            event = stream.next(timeout=size(120, 900))  # Until its execution has its turn.
            if event is None:
                return last
            last = event[0]
            self.events.append(event)
            left = None if left is None else left - 1
        self.breaks += 1
        return last


def produce(intakes, names, chance):
    """Publishes all events of the executions, each execution's in small requests; every fourth is written to by all producers at once."""

    def write(intake, name, share, end):
        agent, sent = Executions(intake, "agents", name, TENANT), 0
        while sent < share:
            count = min(share - sent, 1 + (sent * 7 + len(name)) % 20)
            agent.publish(*(("progress", {"progress": 0.5, "by": intake.service.name, "n": sent + index}) for index in range(count)))
            sent += count
        if end:
            agent.publish(("complete", {"result": "done"}))

    def write_whole(name, raced):
        if not raced:
            return write(intakes[int(name.split()[1]) % PRODUCERS], name, EVENTS - 1, end=True)
        shares = [(EVENTS - 1) // PRODUCERS] * PRODUCERS
        shares[0] += EVENTS - 1 - sum(shares)
        threads = [ThreadPoolExecutor(1) for _ in intakes]
        tasks = [thread.submit(write, intake, name, share, end=False) for thread, intake, share in zip(threads, intakes, shares, strict=True)]
        for task in tasks:
            task.result()
        return Executions(intakes[0], "agents", name, TENANT).publish(("complete", {"result": "done"}))

    with ThreadPoolExecutor(size(6, 12)) as pool:
        order = list(enumerate(names))
        chance.shuffle(order)
        for future in [pool.submit(write_whole, name, index % RACED == 0) for index, name in order]:
            future.result()


@pytest.mark.long
@pytest.mark.timeout(size(180, 1800))
def test_every_viewer_sees_its_execution_whole(stack, chance):
    edges = stack.edges(2)
    producers = [stack.producer] + [stack.start("event-producer", "serve").wait_ready() for _ in range(PRODUCERS - 1)]
    intakes = [Intake(producer) for producer in producers]
    names = [f"agent {index}" for index in range(EXECUTIONS)]
    gate = threading.Event()
    viewers = [Viewer(chance.choice(names), edges, random.Random(chance.random()), gate) for _ in range(VIEWERS)]
    for viewer in viewers:
        viewer.start()
    gate.set()
    produce(intakes, names, chance)
    for viewer in viewers:
        viewer.join(timeout=size(60, 600))
        assert not viewer.is_alive(), f"{viewer.name} has seen {len(viewer.events)} events only"
        if viewer.failure:
            raise viewer.failure
        assert [id for id, _, _ in viewer.events] == list(range(1, EVENTS + 1)), f"{viewer.name}: {[id for id, _, _ in viewer.events]}"
        assert [type for _, type, _ in viewer.events] == ["progress"] * (EVENTS - 1) + ["complete"]
        # Of each producer in the order in which it published.
        by = {}
        for _, _, data in viewer.events[:-1]:
            payload = json.loads(data)
            by.setdefault(payload["by"], []).append(payload["n"])
        assert all(numbers == list(range(len(numbers))) for numbers in by.values())
    assert sum(viewer.breaks for viewer in viewers) > VIEWERS // 2, "too few breaks: the test did not test"
    for intake in intakes:
        intake.close()
