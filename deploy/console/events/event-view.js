// One event: its ids, what it belongs to, how it came, and its JSON.

import { addressOf } from "../address.js";
import { setCode } from "../code.js";
import { element, foreign, shown } from "../dom.js";
import { duration, exact } from "../format.js";

const LANES = { sse: "Server-sent events", websocket: "WebSocket", relay: "Relay" };
/** Maximum length of the JSON that is shown. */
const MOST = 300_000;

/** Creates the elements of an event. The first one takes the focus. */
export function eventView(record) {
    const { id, type, payload, at } = record;
    const link = (section, member) => {
        const value = payload[member];
        return typeof value === "string" && value ? foreign("a", value, { href: addressOf(section, value) }) : undefined;
    };
    const came = Object.entries(LANES)
        .filter(([lane]) => record.lanes.has(lane))
        .map(([lane, title]) => `${title} after ${duration(record.lanes.get(lane))}`);
    const facts = [
        ["Event", element("code", { text: shown(id, 80) })],
        ["Time", exact(at)],
        ["Incident", link("incidents", "incidentId")],
        ["Approval", link("approvals", "approvalId")],
        ["Came by", came.join(", ") || "the log: it is from before this page was opened"],
    ];
    const code = element("code");
    setCode(code, JSON.stringify(payload, undefined, 2).slice(0, MOST));
    return [
        foreign("h3", type, { tabindex: "-1" }, 128),
        element(
            "dl",
            { class: "facts" },
            ...facts.filter(([, value]) => value).map(([name, value]) => element("div", {}, element("dt", { text: name }), element("dd", {}, value))),
        ),
        element("pre", { class: "code", tabindex: "0", role: "group", "aria-label": "Payload" }, code),
    ];
}
