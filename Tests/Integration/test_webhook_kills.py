"""Dispatchers and the bus are killed while events are delivered: nothing is lost, order holds, and little is repeated (contract §14)."""

import random
import time

import pytest

from causeway_kit.intake import Flow, numbered
from causeway_kit.services import is_built
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.waiting import eventually, pause
from causeway_kit.webhooks import Answer, Receiver, WebhookClient, dispatcher, dispatchers

pytestmark = pytest.mark.skipif(not is_built("webhook-dispatcher"), reason="webhook-dispatcher is not built")

KILLS, BUS_KILLS = size(4, 100), size(1, 3)
TENANTS = ("acme", "globex", "initech")
#: A crash may repeat the last second's deliveries. The rest is for a loaded machine, on which a thread of the receiver may see a request late.
REPEATABLE = 1 + 4


class Killings:
    """Kills dispatchers and the bus one after another, and keeps when."""

    def __init__(self, stack, replicas, chance):
        self.stack, self.replicas, self.chance = stack, replicas, chance
        #: On the monotonic clock: when a dispatcher was killed; from its start until it was ready; from a kill of the bus until all were ready.
        self.deaths, self.joins, self.outages = [], [], []

    def kill_a_dispatcher(self):
        victim = self.chance.randrange(len(self.replicas))
        self.deaths.append(time.monotonic())
        self.replicas[victim].kill()
        # Also a moment without it: another one takes over, or it comes back before that.
        pause(self.chance.choice((0, 0, 0.5, 3)))
        begin = time.monotonic()
        self.replicas[victim].start()
        self.replicas[victim].wait_ready(60)
        self.joins.append((begin, time.monotonic()))

    def kill_the_bus(self):
        begin = time.monotonic()
        self.stack.nats.kill()
        pause(self.chance.uniform(0, 1))
        self.stack.nats.start()
        for replica in self.replicas:
            replica.wait_ready(60)
        self.outages.append((begin, time.monotonic()))

    def permit(self, first, again):
        """Whether a delivery that came first at `first` may have come again at `again`: what its dispatcher had not stored when it lost the endpoint.

        That is the last second before a death; what came in an outage of the bus, in which nothing is stored; and what was under way when an endpoint
        was handed over to a dispatcher that joined.
        """
        if any(death - REPEATABLE <= first <= death <= again for death in self.deaths):
            return True
        return any(begin - REPEATABLE <= first <= end + REPEATABLE and begin <= again for begin, end in self.joins + self.outages)


@pytest.mark.long
@pytest.mark.timeout(size(180, 3600))
def test_dispatchers_and_the_bus_are_killed_all_the_time(stack, chance):
    with Receiver() as receiver:
        replicas = dispatchers(stack, 3)
        hooks = endpoints(replicas[0], receiver, chance)
        killings = Killings(stack, replicas, chance)
        flow = Flow(stack.intake, events(), rate=size(40, 100), batch=size(4, 10))
        flow.start()
        bus = {KILLS * (number + 1) // (BUS_KILLS + 1) for number in range(BUS_KILLS)}
        for number in range(KILLS):
            if number in bus:
                killings.kill_the_bus()
            killings.kill_a_dispatcher()
            pause(chance.uniform(0, 1.5))
        flow.stop()
        published = [event for event in stack.bus.events() if event.type in ("load.tick", "load.tock")]
        assert len(published) >= flow.accepted, "the log has what was accepted"
        for hook in hooks:
            check(hook, [event for event in published if event.tenant == hook.tenant and event.type in hook.types], killings)


def events():
    """Numbered events of three tenants and two types, without an end."""
    number = 0
    while True:
        yield numbered(number, TENANTS[number % 3], type=("load.tick", "load.tock")[number % 5 == 0])
        number += 1


def endpoints(service, receiver, chance):
    """Registers ordered and parallel endpoints, of which some fail now and then; returns their hooks."""
    hooks = []
    for tenant in TENANTS:
        for number in range(4):
            hook = receiver.hook(f"{tenant}-{number}")
            hook.tenant, hook.is_ordered, hook.types = tenant, number < 2, ("load.tick", "load.tock") if number % 2 == 0 else ("load.tock",)
            WebhookClient(service, tenant).created(hook, hook.types, ordered=hook.is_ordered)
            hooks.append(hook)
    flaky = random.Random(chance.random())
    for hook in hooks[::4]:
        # Obeyed, and no step of the schedule, whose second retry is after five minutes.
        hook.answer = lambda number, headers: Answer(503, {"retry-after": "1"}) if flaky.random() < 0.005 else Answer()
    return hooks


def check(hook, wanted, killings):
    """Every event at least once, in order where that is promised, and repeated only where a kill explains it."""
    numbers = [event.sequence for event in wanted]
    eventually(lambda: len({delivery.id for delivery in hook.accepted}) >= len(numbers), f"{hook.name} has all {len(numbers)} events", timeout=120)
    accepted = hook.accepted
    first, repeated = {}, 0
    for delivery in accepted:
        if delivery.id not in first:
            first[delivery.id] = delivery
            continue
        repeated += 1
        before = first[delivery.id]
        assert delivery.body == before.body, f"{hook.name}: {delivery.id} came again with another body"
        assert killings.permit(before.at, delivery.at), (
            f"{hook.name}: {delivery.id} came again without a reason, {delivery.at - before.at:.1f} s later"
        )
    sent = [delivery.data["n"] for delivery in first.values()]
    published = [number_of(event) for event in wanted]
    # A retried publication of the producer may be stored once more after its duplicates are forgotten; each is an event for itself.
    assert sorted(sent) == sorted(published), f"{hook.name} has other events than the log"
    if hook.is_ordered:
        assert sent == published, f"{hook.name} is not in the log's order"
    print(f"{hook.name}: {len(first)} events, {repeated} repetitions")


def number_of(event):
    return int(event.id.rsplit("-", 1)[1])


@pytest.mark.long
@pytest.mark.timeout(size(300, 900))
def test_an_hour_is_replayed_while_live_delivery_goes_on(stack):
    """As many events as an hour has, since the log has no other hour."""
    count = size(2_000, 36_000)
    with Receiver() as receiver:
        admin = WebhookClient(dispatchers(stack, 2)[0])
        replayed, live = receiver.hook("replayed"), receiver.hook("live")
        endpoint = admin.created(replayed, ordered=False)
        admin.created(live)
        for begin in range(0, count, 1000):
            stack.intake.publish(*(numbered(number) for number in range(begin, begin + 1000)))
        replayed.wait_for(count, timeout=300)
        flow = Flow(stack.intake, (numbered(number) for number in range(count, count + 200)), rate=50, batch=5)
        flow.start()
        assert admin.replay(endpoint["id"], since="2024-01-01T00:00:00Z").status_code == 200
        flow.finish(120)
        live.wait_for(count + 200, timeout=300)
        eventually(lambda: len(replayed.accepted) >= 2 * count + 200, "all has come, and the past twice", timeout=300)
        assert [delivery.data["n"] for delivery in live.accepted] == list(range(count + 200)), "each once, in order"
        assert {delivery.data["n"] for delivery in replayed.accepted} == set(range(count + 200))


@pytest.mark.long
@pytest.mark.timeout(size(120, 300))
def test_an_endpoint_that_was_down_for_longer_than_the_log_keeps(receiver_of_a_small_log):
    """The log's own limit drops the events, while others are delivered to an endpoint that was not down."""
    stack, receiver = receiver_of_a_small_log
    service = dispatcher(stack).wait_ready()
    admin = WebhookClient(service)
    down, up = receiver.hook("down"), receiver.hook("up")
    endpoint = admin.created(down)
    admin.created(up)
    stack.intake.publish(numbered(0))
    down.wait_for(1)
    assert admin.change(endpoint["id"], enabled=False).status_code == 200
    last = 1
    while stack.bus.state().first_seq < 50:
        stack.intake.publish(*(numbered(number, padding=2000) for number in range(last, last + 20)))
        last += 20
        up.wait_for(last)
    # This process still has in memory what the log has dropped, and would send it.
    service.terminate()
    assert service.wait(30) == 0
    admin = WebhookClient(dispatcher(stack).wait_ready())
    assert admin.change(endpoint["id"], enabled=True).status_code == 200
    eventually(lambda: any(delivery.data.get("n") == last - 1 for delivery in down.accepted), "it has the last event", timeout=60)
    gap = next(index for index, delivery in enumerate(down.accepted) if delivery.type == "stream.gap")
    after = [delivery.data["n"] for delivery in down.accepted[gap + 1 :]]
    assert after == list(range(last - len(after), last)), "everything that is kept, in order"
    assert [delivery.type for delivery in down.accepted].count("stream.gap") == 1, "one gap"
    assert [delivery.data["n"] for delivery in up.accepted] == list(range(last)), "the other one missed nothing"


@pytest.fixture
def receiver_of_a_small_log():
    with Receiver() as receiver, Stack(event_log_max_bytes="256KiB") as stack:
        yield stack, receiver
