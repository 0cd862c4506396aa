// One answer of a person, from the button to a known result. It has one Idempotency-Key: however often it is sent, it counts once.

import { understood } from "./answers.js";

/** Pauses in milliseconds between tries while the result is unknown; after them a person must ask again. */
const PAUSES = [1000, 2000, 4000, 8000, 15_000, 30_000];
const LONGEST_PAUSE = 60_000;

export class Intention {
    /** The last state: `sending`, `unknown`, `unanswered`, `recorded` or `refused`, with a text for the person. */
    state = { phase: "sending", text: "Sending…" };

    #send;
    #wait;
    #onState;
    #isRunning = false;
    #isUnknown = false;

    /**
     * @param {{ approvalId: string, action: "approve" | "reject", reason?: string, actionDigest?: string }} answer
     * @param {{ send: (body: object, key: string) => Promise<object | undefined>, wait: (ms: number) => Promise<void>, key: string,
     *     onState: (intention: Intention) => void }} means `send`: resolves with a response as `understood` takes it, undefined without one.
     */
    constructor({ approvalId, action, reason, actionDigest }, { send, wait, key, onState }) {
        this.approvalId = approvalId;
        this.action = action;
        this.key = key;
        this.body = { action, ...(reason ? { reason } : {}), ...(actionDigest ? { actionDigest } : {}) };
        this.#send = send;
        this.#wait = wait;
        this.#onState = onState;
    }

    /** Whether the result is not known: nothing else may be sent about the approval before it is. */
    get isOpen() {
        return !["recorded", "refused"].includes(this.state.phase);
    }

    /** Sends it until the result is known, or until the pauses are used up; then it can be run again. */
    async run() {
        if (this.#isRunning) return;
        this.#isRunning = true;
        if (this.#isUnknown) this.#become("sending", "Asking again…");
        for (const pause of [...PAUSES, undefined]) {
            const response = await this.#send(this.body, this.key);
            const verdict = understood(response, { action: this.action, isUnknown: this.#isUnknown });
            if (verdict.kind !== "unknown") {
                this.#become(verdict.kind, verdict.text, { ...verdict, answer: response.body });
                break;
            }
            this.#isUnknown = true;
            if (pause === undefined) {
                this.#become("unanswered", `${verdict.text} The service has not answered. Ask again: it counts once.`);
                break;
            }
            const time = Math.min(LONGEST_PAUSE, Math.max(pause, (verdict.retryAfter || 0) * 1000));
            this.#become("unknown", `${verdict.text} Asking again in ${Math.ceil(time / 1000)} s; it counts once.`);
            await this.#wait(time);
            this.#become("sending", `${verdict.text} Asking again…`);
        }
        this.#isRunning = false;
    }

    #become(phase, text, verdict = {}) {
        this.state = { ...verdict, phase, text };
        this.#onState(this);
    }
}
