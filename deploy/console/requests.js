// Requests to the services, and their refusals.

/** Without a response for this time in milliseconds a request is given up. */
const PATIENCE = 10_000;

/** A response that is not a success; `status`, and the service's message. */
export class RefusedError extends Error {
    constructor(status, message) {
        super(message || `The service answered with ${status}.`);
        this.status = status;
        /** Whether the message is the service's. */
        this.isExplained = Boolean(message);
    }
}

/** Sends a request: `{ response, text }`, whatever the status. Throws without a response. `patience`: milliseconds. */
export async function send(causeway, path, init = {}, patience = PATIENCE) {
    try {
        const response = await causeway.fetch(path, { ...init, timeout: patience });
        return { response, text: await response.text() };
    } catch (cause) {
        throw new Error("The service did not answer.", { cause });
    }
}

/** Returns the text of a success; throws a `RefusedError` for others. */
export function accepted({ response, text }) {
    if (response.ok) return text;
    let message;
    try {
        ({ message } = JSON.parse(text));
    } catch {
        // A proxy's page.
    }
    throw new RefusedError(response.status, message);
}

/** An Idempotency-Key. Insecure origins have no `randomUUID`. */
export function newKey() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a request with a JSON body, if there is one, and returns the JSON of its response; undefined without content. */
export async function askJSON(causeway, path, { method = "GET", body, headers = {}, patience } = {}) {
    const init = { method, headers };
    if (body !== undefined) {
        init.headers = { "Content-Type": "application/json", ...headers };
        init.body = JSON.stringify(body);
    }
    const text = accepted(await send(causeway, path, init, patience));
    return text ? JSON.parse(text) : undefined;
}
