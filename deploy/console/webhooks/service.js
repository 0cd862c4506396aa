// Requests about webhooks (contract §14).

import { askJSON } from "../requests.js";

const PATH = "/v1/webhooks";
/** An attempt takes up to 15 s, and the look-up of the name comes before it. */
const ATTEMPT_PATIENCE = 30_000;

export class WebhookService {
    #causeway;

    constructor(causeway) {
        this.#causeway = causeway;
    }

    /** Lists all endpoints of the tenant, the oldest first. */
    async list() {
        const endpoints = [];
        let cursor = "";
        do {
            const { items, nextCursor } = await this.#ask(`?${new URLSearchParams({ limit: 200, ...(cursor ? { cursor } : {}) })}`);
            endpoints.push(...items);
            cursor = nextCursor;
        } while (cursor);
        return endpoints;
    }

    /** Registers an endpoint; the answer has its `secret`. `key`: the Idempotency-Key, the same when it is sent again. */
    create(settings, key) {
        return this.#ask("", { method: "POST", body: settings, headers: { "Idempotency-Key": key } });
    }

    /** Changes settings; `{ enabled: false }` disables. */
    change(id, settings) {
        return this.#ask(`/${encodeURIComponent(id)}`, { method: "PATCH", body: settings });
    }

    remove(id) {
        return this.#ask(`/${encodeURIComponent(id)}`, { method: "DELETE" });
    }

    /** Makes another secret; the answer has it. */
    rotate(id) {
        return this.#ask(`/${encodeURIComponent(id)}/secret`, { method: "POST" });
    }

    /** Makes one attempt with a test event: `{ delivered, attempt }`. */
    test(id) {
        return this.#ask(`/${encodeURIComponent(id)}/test`, { method: "POST", patience: ATTEMPT_PATIENCE });
    }

    /** Counts what a replay would send: `{ from, to, events, more }`. */
    preview(id, beginning) {
        return this.#ask(`/${encodeURIComponent(id)}/replay?${new URLSearchParams(beginning)}`);
    }

    /** Makes one attempt with an event that was sent before: `{ delivered, attempt }`. */
    resend(id, event) {
        return this.#ask(`/${encodeURIComponent(id)}/resend`, { method: "POST", body: { event }, patience: ATTEMPT_PATIENCE });
    }

    /** Sends events again. `beginning`: `{ from }` or `{ since }`. */
    replay(id, beginning) {
        return this.#ask(`/${encodeURIComponent(id)}/replay`, { method: "POST", body: beginning });
    }

    /** Enables one that is disabled. Others are tried at once. */
    enable(id) {
        return this.#ask(`/${encodeURIComponent(id)}/enable`, { method: "POST" });
    }

    /** The last attempts, the latest first. */
    async attempts(id) {
        const { attempts } = await this.#ask(`/${encodeURIComponent(id)}/attempts`);
        return attempts;
    }

    #ask(path, options) {
        return askJSON(this.#causeway, `${PATH}${path}`, options);
    }
}
