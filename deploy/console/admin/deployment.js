// Texts about the deployment: what an admin may ask the services for over HTTP.

import { shown } from "../dom.js";
import { counted } from "../format.js";

/** Facts of the relay's status (contract §6), names and values. */
export function relayFacts({ status, activeConnections, region, version }) {
    return [
        ["Open connections of the relay", `${shown(activeConnections, 20)}, of all tenants and all its processes`],
        ["State of the relay", shown(status, 40)],
        ["Region", shown(region, 60)],
        ["Version of the relay", shown(version, 60)],
    ];
}

/** What is left of the tenant's share of requests (contract §10), from the headers of a response. Without a limit there are none. */
export function shareText(headers) {
    const [limit, remaining, reset] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"].map((name) => headers.get(name));
    if (limit === null || remaining === null) return "No limit";
    const full = Number(reset) > 0 ? `; all of it again in ${shown(reset, 20)} s` : "";
    return `${shown(remaining, 20)} at once, ${shown(limit, 20)} a minute${full}`;
}

/** How many webhooks are in which state. */
export function webhooksText(endpoints) {
    if (endpoints.length === 0) return "None";
    const counts = new Map();
    for (const { state } of endpoints) counts.set(state.name, (counts.get(state.name) ?? 0) + 1);
    const states = [...counts].map(([name, count]) => `${count} ${shown(name, 40)}`);
    return `${counted(endpoints.length, "webhook")}: ${states.join(", ")}`;
}

/** Commands for what only operators can ask, and what each of them prints. `origin`: the page's. */
export function commands(origin) {
    return [
        { command: "causeway log info", text: "How full the log and the other streams are, and how old their oldest entries are." },
        { command: "causeway why --event evt_… --user …", text: "A user's connections, and why an event did not reach them." },
        { command: `causeway doctor ${origin}`, text: "What a proxy does to streams." },
    ];
}
