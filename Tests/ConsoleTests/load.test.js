import assert from "node:assert/strict";
import test from "node:test";

import { Flood } from "../../deploy/console/events/flood.js";
import { Ledger } from "../../deploy/console/ledger.js";
import { Rendering } from "../../deploy/console/show-soon.js";

/** A clock whose timers and frames come when the test lets time pass. `frames`: whether there are frames, one each 16 ms. */
class Time {
    frames = true;
    errors = [];
    #now = 0;
    #last = 0;
    #timers = new Map();

    now = () => this.#now;
    wait = (work, milliseconds) => this.#add(work, this.#now + milliseconds);
    cancelWait = (timer) => this.#timers.delete(timer);
    askFrame = (work) => this.frames && this.#add(work, this.#now + 16);
    cancelFrame = (frame) => this.#timers.delete(frame);
    report = (error) => this.errors.push(error.message);

    /** Takes time, as work does. */
    spend(milliseconds) {
        this.#now += milliseconds;
    }

    pass(milliseconds) {
        const end = this.#now + milliseconds;
        for (;;) {
            const [due] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at);
            if (!due) break;
            this.#timers.delete(due[0]);
            this.#now = Math.max(this.#now, due[1].at);
            due[1].work();
        }
        this.#now = Math.max(this.#now, end);
    }

    #add(work, at) {
        this.#timers.set(++this.#last, { work, at });
        return this.#last;
    }
}

/** A rendering, and works that write down when they run and take the given time. */
function rendering() {
    const time = new Time();
    const ran = [];
    const work = (name, milliseconds = 0) => () => {
        ran.push(`${name} ${time.now()}`);
        time.spend(milliseconds);
    };
    return { time, ran, work, screen: new Rendering(time) };
}

test("a single event is shown in the next frame, once", () => {
    const { time, ran, work, screen } = rendering();
    const one = work("one");
    screen.ask(one);
    screen.ask(one);
    time.pass(1000);
    assert.deepEqual(ran, ["one 16"]);
});

test("a flood of events is shown ten times a second", () => {
    const { time, ran, work, screen } = rendering();
    const one = work("one");
    for (let count = 0; count < 1000; count += 1) {
        screen.ask(one);
        time.pass(1);
    }
    assert.ok(ran.length >= 8 && ran.length <= 10, `${ran.length} times`);
});

test("a run that takes long goes on in the next frame, where it was", () => {
    const { time, ran, work, screen } = rendering();
    for (const name of ["one", "two", "three"]) screen.ask(work(name, 5));
    time.pass(200);
    assert.deepEqual(ran, ["one 16", "two 21", "three 42"]);
    screen.ask(work("four"));
    time.pass(200);
    assert.equal(ran.length, 4);
});

test("work that asks again waits for the next run", () => {
    const { time, ran, screen } = rendering();
    const again = () => {
        ran.push(time.now());
        if (ran.length < 3) screen.ask(again);
    };
    screen.ask(again);
    time.pass(16);
    assert.deepEqual(ran, [16]);
    time.pass(1000);
    assert.deepEqual(ran, [16, 132, 248]);
});

test("what one work cannot show does not stop the others, and a hidden page works without frames", () => {
    const { time, ran, work, screen } = rendering();
    time.frames = false;
    screen.ask(() => {
        throw new Error("broken");
    });
    screen.ask(work("other"));
    time.pass(499);
    assert.deepEqual(ran, []);
    time.pass(1);
    assert.deepEqual([ran, time.errors], [["other 500"], ["broken"]]);
});

/** Counts so many events, evenly, in a second each. */
function seconds(time, flood, ...counts) {
    for (const count of counts) {
        for (let number = 0; number < count; number += 1) {
            flood.count();
            time.pass(1000 / count);
        }
    }
}

test("more than 200 events a second are a flood, until it is less than half of that", () => {
    const time = new Time();
    let ends = 0;
    const flood = new Flood(() => (ends += 1), time);
    seconds(time, flood, 200, 200, 200);
    assert.equal(flood.isOn, false);
    seconds(time, flood, 1000);
    assert.equal(flood.isOn, true);
    seconds(time, flood, 150, 150, 150);
    assert.deepEqual([flood.isOn, ends], [true, 0]);
    seconds(time, flood, 50, 50);
    assert.deepEqual([flood.isOn, ends], [false, 1]);
    // The next one is noticed, too.
    seconds(time, flood, 1000);
    assert.equal(flood.isOn, true);
    time.pass(2000);
    assert.deepEqual([flood.isOn, ends], [false, 2]);
});

test("a page that is closed hears of no end", () => {
    const time = new Time();
    const flood = new Flood(() => assert.fail("closed"), time);
    for (let number = 0; number < 300; number += 1) flood.count();
    assert.equal(flood.isOn, true);
    flood.close();
    time.pass(5000);
});

test("the ledger keeps the last 5,000 events", () => {
    const ledger = new Ledger();
    const event = (number) => ({ id: `evt_${number}`, type: "load.tick", data: {}, time: "2026-11-29T10:00:00Z", receivedAt: 0 });
    for (let number = 0; number < 12_000; number += 1) assert.equal(ledger.take("sse", event(number)).isNew, true);
    const ids = [...ledger.all()].map(({ id }) => id);
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [5000, "evt_7000", "evt_11999"]);
    assert.equal(ledger.find("evt_6999"), undefined);
    const { isNew, isTwice } = ledger.take("websocket", event(7000));
    assert.deepEqual([isNew, isTwice], [false, false]);
    assert.equal(ledger.take("sse", event(7000)).isTwice, true);
});
