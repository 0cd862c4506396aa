import assert from "node:assert/strict";
import test from "node:test";

import { IncidentReports } from "../../deploy/console/approvals/incident-reports.js";

const created = (incidentId, title) => ({ type: "incident.created", payload: { incidentId, title, severity: "high" } });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Reports whose reads are kept and answered with `records`. */
function reportsWith(records) {
    const seen = { reads: [], found: 0 };
    const read = async (ids) => {
        seen.reads.push(ids);
        if (records instanceof Error) throw records;
        return records;
    };
    return { seen, reports: new IncidentReports(read, () => (seen.found += 1)) };
}

test("what events tell is not looked for, and the rest once", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { seen, reports } = reportsWith([created("inc_2", "Two")]);
    reports.want("inc_1");
    reports.want(undefined);
    reports.take(created("inc_1", "One"));
    assert.deepEqual([reports.of("inc_1").title, reports.of("inc_1").severity.name, seen.found], ["One", "high", 1]);
    for (const id of ["inc_2", "inc_2", "inc_3"]) reports.want(id);
    t.mock.timers.tick(60_000);
    assert.deepEqual(seen.reads, [], "the last hour is read first");
    reports.begin();
    t.mock.timers.tick(1000);
    await turn();
    assert.deepEqual(seen.reads, [["inc_2", "inc_3"]]);
    assert.deepEqual([reports.of("inc_2").title, reports.of("inc_3"), seen.found], ["Two", undefined, 2]);
    reports.want("inc_3");
    t.mock.timers.tick(60_000);
    await turn();
    assert.equal(seen.reads.length, 1);
    reports.want("inc_4");
    t.mock.timers.tick(1000);
    await turn();
    assert.deepEqual(seen.reads[1], ["inc_4"]);
});

test("a read that failed is repeated after a while", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { seen, reports } = reportsWith(new Error("no network"));
    reports.want("inc_1");
    reports.begin();
    for (const [time, reads] of [[1000, 1], [5000, 1], [15_000, 2]]) {
        t.mock.timers.tick(time);
        await turn();
        assert.equal(seen.reads.length, reads);
    }
    reports.close();
    t.mock.timers.tick(60_000);
    assert.equal(seen.reads.length, 2);
});

test("other events and payloads of any form are no reports", () => {
    const { reports } = reportsWith([]);
    for (const record of [{ type: "incident.status_changed", payload: { incidentId: "inc_1" } }, { type: "incident.created", payload: {} }]) reports.take(record);
    reports.take(created("inc_1", { toString: "x" }));
    assert.equal(reports.of("inc_1").title, '{"toString":"x"}');
    for (let number = 0; number < 2000; number += 1) reports.take(created(`inc_${number}`, "x"));
    assert.equal(reports.of("inc_0"), undefined, "the number of reports has a bound");
});
