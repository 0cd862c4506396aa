// The tenant's connections on all edges, with a filter by user (contract §11).

import { element, foreign } from "../dom.js";
import { brief, exact, moment } from "../format.js";
import { askJSON } from "../requests.js";
import { connectionTexts, silenceText } from "./deployment.js";
import { Part } from "./part.js";

/** The most rows of open connections, and of closed ones. */
const MOST = 100;

export function connectionsPart(causeway) {
    const field = element("input", { id: "connections-user", type: "search", maxlength: "256", spellcheck: "false", placeholder: "Everyone" });
    const form = element("form", { class: "row", autocomplete: "off" }, element("label", { for: "connections-user", text: "User" }), field);
    const part = new Part(
        "Connections",
        async () => {
            const user = field.value.trim();
            const query = new URLSearchParams({ limit: String(MOST), ...(user && { user }) });
            return described(await askJSON(causeway, `/v1/admin/connections?${query}`));
        },
        { before: [form] },
    );
    // Enter changes the field too.
    field.addEventListener("change", () => void part.load());
    form.addEventListener("submit", (event) => event.preventDefault());
    return part;
}

function described(answer) {
    const { items, closed, edges, nextCursor } = answer;
    const missing = silenceText(answer);
    return [
        ...(missing ? [element("p", { class: "error", dir: "auto", text: missing })] : []),
        ...(items.length ? [table("connections-open", "Open", "Since", "since", items, edges)] : [element("p", { class: "muted", text: "No open connection." })]),
        ...(nextCursor ? [element("p", { class: "muted", text: `These are the first ${items.length}. Enter a user to see others.` })] : []),
        ...(closed.length ? [table("connections-closed", "Ended recently", "Ended", "until", closed.slice(0, MOST), edges)] : []),
    ];
}

function table(id, caption, timeName, time, connections, edges) {
    const heads = ["User", "Connection", timeName, "Behind", "Sent", "Where"].map((text) => element("th", { scope: "col", text }));
    return element(
        "table",
        { id, class: "connections" },
        element("caption", { text: caption }),
        element("thead", {}, element("tr", {}, ...heads)),
        element("tbody", {}, ...connections.map((connection) => row(connection, timeName, moment(connection[time]), edges))),
    );
}

function row(connection, timeName, time, edges) {
    const { user, what, behind, sent, where } = connectionTexts(connection, edges);
    const cell = (label, text) => foreign("td", text, { "data-label": label });
    const when = element("td", { "data-label": timeName }, element("time", { datetime: new Date(time).toISOString(), title: exact(time), text: brief(time) }));
    return element("tr", {}, cell("User", user), cell("Connection", what), when, cell("Behind", behind), cell("Sent", sent), cell("Where", where));
}
