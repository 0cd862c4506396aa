// Who could see an event, and when it was taken in: what the log keeps of it (contract §10).

import { shown } from "../dom.js";
import { listed } from "../approvals/texts.js";
import { exact, moment } from "../format.js";

/** Texts about a stored event, `{ seen, facts }`. `tenant`: the page's. */
export function storedTexts({ recipients, tenant, source, eventId, receivedAt }) {
    const everyone = `Everyone of ${shown(tenant, 60)} with a role that may follow events`;
    return {
        seen: recipients?.length ? `${listed(recipients)} alone: it is addressed` : everyone,
        facts: [
            ["Taken in", exact(moment(receivedAt))],
            ["Producer's id", shown(eventId, 120)],
            ["Source", shown(source, 120)],
        ].filter(([, value]) => value && value !== "–"),
    };
}

/** Why there is no stored event to tell from. `status`: of the refusal; undefined without an answer. */
export function unknownAudience(status) {
    if (status === 400) return "Not known: it is no event of the log";
    if (status === 403) return "Not known: your roles do not let you ask";
    if (status === 410) return "Not known: the log no longer holds it";
    if (status === 404) return "Not known: the log has no such event for you";
    if (status === 429) return "Not known: too many look-ups at the moment. Open it again in a moment";
    return "Not known: the service did not answer";
}
