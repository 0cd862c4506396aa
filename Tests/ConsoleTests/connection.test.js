import assert from "node:assert/strict";
import test from "node:test";

import { Lag } from "../../deploy/console/lag.js";
import { overall } from "../../deploy/console/overall.js";

const lanes = (...states) => states.map((state) => ({ state, lag: 0 }));

test("the pill says the worst that is true", () => {
    assert.equal(overall(lanes("live", "live", "live")).text, "Live");
    assert.equal(overall(lanes("connecting", "connecting", "connecting")).text, "Connecting");
    assert.equal(overall(lanes("live", "connecting", "live")).text, "2 of 3 streams");
    assert.equal(overall(lanes("waiting", "waiting", "waiting")).text, "0 of 3 streams");
    assert.equal(overall(lanes("live", "stalled", "waiting")).text, "Event log out of reach");
    assert.equal(overall(lanes("live", "stalled", "ended")).text, "A stream has ended");
    assert.equal(overall(lanes("ended", "unauthorized", "live")).text, "Sign in again");
    assert.equal(overall(lanes("offline", "unauthorized", "ended")).text, "No network");
});

test("a page that is behind is not called live", () => {
    const late = [{ state: "live", lag: 0 }, { state: "live", lag: 12_000 }];
    assert.deepEqual([overall(late).state, overall(late).text], ["behind", "Behind by 12 s"]);
    late[0].state = "waiting";
    assert.equal(overall(late).state, "waiting");
});

test("events are late beyond what they usually take", () => {
    const lag = new Lag();
    lag.take(40, 0);
    assert.equal(lag.at(0), 0);
    lag.take(2900, 1000);
    assert.equal(lag.at(1000), 0);
    lag.take(60_040, 2000);
    assert.equal(lag.at(2000), 60_000);
    // Nothing has come since: there is nothing to be behind with.
    assert.equal(lag.at(6000), 0);
});

test("clocks that differ do not make a page late, and the first events of a replay do", () => {
    const skewed = new Lag();
    skewed.take(8000, 0);
    skewed.take(8100, 1);
    assert.equal(skewed.at(1), 0);
    const replayed = new Lag();
    replayed.take(1_800_000, 0);
    assert.equal(replayed.at(0), 1_790_000);
});
