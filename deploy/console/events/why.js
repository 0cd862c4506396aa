// The command that says why somebody did not get an event (docs/operating.md#why).

import { listed } from "../approvals/texts.js";
import { shown } from "../dom.js";

/** What a shell takes as it stands. */
const PLAIN = /^[A-Za-z0-9_.@:/-]+$/;

/** Returns the command for a POSIX shell. `user`: who did not get the event; a placeholder stands for an empty one. */
export function whyCommand(event, { user, tenant }) {
    return `causeway why --event ${quoted(event)} --user ${quoted(user || "<user>")} --tenant ${quoted(tenant)}`;
}

/** The reason that the event alone gives, `stored` as the service keeps it; empty where the edges must be asked. */
export function reasonOf({ recipients }, user) {
    if (!user || !recipients?.length || recipients.includes(user)) return "";
    return `It is addressed to ${listed(recipients)} alone: ${shown(user, 80)} does not get it.`;
}

/** Says where the command runs. Without `--edges` the server asks all edges, which takes an admin's token. */
export function whereToRun(origin) {
    return `Run it in a shell on a machine that reaches this page's address, with CAUSEWAY_URL=${origin} and an admin's token in CAUSEWAY_TOKEN. The server asks all edges.`;
}

function quoted(text) {
    return PLAIN.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
