// Requests about approvals (contract §7, §12).

import { memberText } from "./action-text.js";
import { ServerClock } from "./server-clock.js";

const PATH = "/v1/notifications/approvals";
/** Without a response for this time in milliseconds a request is given up. */
const PATIENCE = 10_000;

/** A response that is not a success; `status`, and the service's message. */
export class RefusedError extends Error {
    constructor(status, message) {
        super(message || `The service answered with ${status}.`);
        this.status = status;
    }
}

export class ApprovalService {
    /** The service's time. */
    clock = new ServerClock();

    #causeway;

    constructor(causeway) {
        this.#causeway = causeway;
    }

    /** Lists approvals: `{ items, nextCursor }`. `query`: `status`, `sort`, `limit`. */
    async list(query) {
        const { text } = await this.#ask(`${PATH}?${new URLSearchParams(query)}`);
        return JSON.parse(text);
    }

    /** Reads one approval with its history. `action` is its JSON as it is spelled; undefined without one. */
    async one(approvalId) {
        const { text } = await this.#ask(`${PATH}/${encodeURIComponent(approvalId)}`);
        const action = memberText(text, "action");
        return { ...JSON.parse(text), action: action === "null" ? undefined : action };
    }

    /** Returns who has let `user` vote in their place. */
    async delegators(user) {
        const { text } = await this.#ask("/v1/approvals/delegations");
        const { items } = JSON.parse(text);
        return items.filter(({ to }) => to === user).map(({ from }) => from);
    }

    /** Sends an answer: `{ status, body, retryAfter }`, or undefined without a response that can be read. */
    async decide(approvalId, body, key) {
        try {
            const { response, text } = await this.#send(`${PATH}/${encodeURIComponent(approvalId)}`, {
                method: "POST",
                headers: { "Content-Type": "application/json", "Idempotency-Key": key },
                body: JSON.stringify(body),
            });
            return { status: response.status, body: JSON.parse(text), retryAfter: Number(response.headers.get("Retry-After") ?? NaN) };
        } catch {
            return undefined;
        }
    }

    async #ask(path) {
        const { response, text } = await this.#send(path);
        if (response.ok) return { text };
        let message;
        try {
            ({ message } = JSON.parse(text));
        } catch {
            // A proxy's page.
        }
        throw new RefusedError(response.status, message);
    }

    async #send(path, init = {}) {
        const sentAt = Date.now();
        // Read whenever the client sends it: the time that it waits for another token does not count.
        const patient = { ...init, get signal() { return AbortSignal.timeout(PATIENCE); } };
        const response = await this.#causeway.fetch(path, patient);
        this.clock.take(response.headers.get("Date"), sentAt);
        return { response, text: await response.text() };
    }
}
