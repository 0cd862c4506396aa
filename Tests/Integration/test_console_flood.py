"""The console (docs/console.md) while more events come than anybody can read."""

import itertools

import pytest

from causeway_kit.console import MOST_ROWS
from causeway_kit.console_fixtures import console_fixtures
from causeway_kit.intake import Flow
from causeway_kit.tokens import mint

pytestmark = pytest.mark.timeout(300)

deployment, browser, console = console_fixtures()

ROWS_IN_FLOOD = 30


def counted(number, tenant):
    return {"type": "load.tick", "tenant": tenant, "id": f"flood-{number}", "payload": {"message": f"number {number}"}}


def test_a_flood_has_few_rows_until_it_is_paused_or_over(deployment, console, tenant):
    tab = console().sign_in(mint(tenant, "olga", ("admin",)))

    def numbers():
        return [int(text.rpartition(" ")[2]) for text in tab.texts("#events td.what")]

    def wait_for_rows(count):
        tab.wait_for(lambda: tab.count("#events tbody tr") == count, f"{count} rows")

    flow = Flow(deployment.intake, (counted(number, tenant) for number in itertools.count()), rate=600, batch=20)
    flow.start()
    tab.wait_for(lambda: flow.accepted > 3 * MOST_ROWS, "the flood has begun")
    wait_for_rows(ROWS_IN_FLOOD)
    shown = numbers()
    assert shown == sorted(set(shown), reverse=True), "the newest is first"

    tab.click("#events-pause")
    wait_for_rows(MOST_ROWS)
    shown = numbers()
    assert shown == list(range(shown[0], shown[0] - MOST_ROWS, -1)), "no event between the first and the last is left out"
    tab.click("#events-pause")
    wait_for_rows(ROWS_IN_FLOOD)

    flow.stop()
    tab.wait_for(lambda: numbers()[:1] == [flow.accepted - 1], "the last event is shown")
    wait_for_rows(MOST_ROWS)
    assert numbers() == list(range(flow.accepted - 1, flow.accepted - 1 - MOST_ROWS, -1))
