// What the form for a test event makes of its fields (contract §2, §10).

import { shown } from "../dom.js";

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;

/**
 * Returns the body of the request that publishes one event. The payload stays as it was typed: numbers keep their spelling. Throws an error whose
 * `field` is the one to correct. Everything else is checked by the service.
 */
export function eventBody({ type, user, payload }) {
    const name = type.trim();
    if (!TYPE.test(name)) throw mistake("type", "Type: enter lower-case words joined by dots, such as test.event.");
    let parsed;
    try {
        parsed = JSON.parse(payload);
    } catch (error) {
        throw mistake("payload", `Payload: this is not JSON. ${shown(error.message, 160)}`);
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
        throw mistake("payload", 'Payload: enter a JSON object, such as {"message": "Hello"}.');
    }
    const whom = user.trim();
    return `{"type":${JSON.stringify(name)},${whom ? `"user":${JSON.stringify(whom)},` : ""}"payload":${payload.trim()}}`;
}

function mistake(field, message) {
    return Object.assign(new Error(message), { field });
}
