// What went wrong, in words: what the page could not do, why, and what to do.

import { shown } from "./dom.js";

/** Where the answer says nothing itself, as a proxy's page. */
const BY_STATUS = {
    403: "your account may not see this. Ask an admin of your tenant for the role.",
    404: "it is not there, or not for you.",
    410: "the log no longer holds it.",
    413: "it is too large.",
    429: "too many requests at the moment. Try again in a moment.",
};

/** One sentence. `what`: "Couldn't load approvals". `error`: a `RefusedError`, or one without a response. `isOnline`: what the browser says of the network. */
export function failureText(what, { status, message, isExplained }, isOnline = globalThis.navigator?.onLine !== false) {
    return `${what}: ${reason(status, message, isExplained, isOnline)}`;
}

/**
 * What the page says in place of an event; undefined if the refusal is about something else. `status`: of the refusal. An event that this user may not see
 * is refused as one that does not exist, so the page does not tell them apart.
 */
export function absenceText(status, name) {
    if (status === 404) return `The log has no event ${name} that you may see. Check the address. A colleague may see events that are not for you.`;
    if (status === 410) return `Event ${name} is gone: the log no longer holds events of its time.`;
    return undefined;
}

function reason(status, message, isExplained, isOnline) {
    if (status === undefined && !isOnline) return "no network. This page shows what it had, and goes on when the network is back.";
    // The service's message is about the token, which people do not handle.
    if (status === 401) return "your sign-in has expired. Sign in again; this page stays as it is.";
    if (status === undefined || isExplained) return shown(message, 200);
    if (Object.hasOwn(BY_STATUS, status)) return BY_STATUS[status];
    if (status >= 500) return `the service has a problem (${status}). Nothing is lost; try again in a moment.`;
    return shown(message, 200);
}
