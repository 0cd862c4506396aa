// Requests about approvals (contract §7, §12).

import { accepted, send } from "../requests.js";
import { memberText } from "./action-text.js";
import { ServerClock } from "./server-clock.js";

const PATH = "/v1/notifications/approvals";

export class ApprovalService {
    /** The service's time. */
    clock = new ServerClock();

    #causeway;

    constructor(causeway) {
        this.#causeway = causeway;
    }

    /** Lists approvals: `{ items, nextCursor }`. `query`: `status`, `sort`, `limit`. */
    async list(query) {
        return JSON.parse(await this.#ask(`${PATH}?${new URLSearchParams(query)}`));
    }

    /** Reads one approval with its history. `action` is its JSON as it is spelled; undefined without one. */
    async one(approvalId) {
        const text = await this.#ask(`${PATH}/${encodeURIComponent(approvalId)}`);
        const action = memberText(text, "action");
        return { ...JSON.parse(text), action: action === "null" ? undefined : action };
    }

    /** Returns who has let `user` vote in their place. */
    async delegators(user) {
        const text = await this.#ask("/v1/approvals/delegations");
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
        return accepted(await this.#send(path));
    }

    async #send(path, init) {
        const sentAt = Date.now();
        const sent = await send(this.#causeway, path, init);
        this.clock.take(sent.response.headers.get("Date"), sentAt);
        return sent;
    }
}
