// The command that says why somebody did not get an event (docs/operating.md#why).

/** What a shell takes as it stands. */
const PLAIN = /^[A-Za-z0-9_.@:/-]+$/;

/** Returns the command for a POSIX shell. `user`: who did not get the event; a placeholder stands for an empty one. */
export function whyCommand(event, { user, tenant }) {
    return `causeway why --event ${quoted(event)} --user ${quoted(user || "<user>")} --tenant ${quoted(tenant)}`;
}

/** Says where the command runs. Without `--edges` the server asks all edges, which takes an admin's token. */
export function whereToRun(origin) {
    return `Run it in a shell on a machine that reaches this page's address, with CAUSEWAY_URL=${origin} and an admin's token in CAUSEWAY_TOKEN. The server asks all edges.`;
}

function quoted(text) {
    return PLAIN.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
