// The decision dialog: the approval, a reason, and the result.

import { byId, setText, shown } from "./dom.js";

const LABELS = { approve: "Approve", reject: "Reject" };

export class Decision {
    #dialog = byId("decide");
    #reason = byId("decide-reason");
    #error = byId("decide-error");
    #submit = byId("decide-submit");
    #causeway;
    #onDecided;
    #asked;

    /** `onDecided`: called with the service's answer. */
    constructor(causeway, onDecided) {
        this.#causeway = causeway;
        this.#onDecided = onDecided;
        byId("decide-cancel").addEventListener("click", () => this.#dialog.close());
        this.#dialog.addEventListener("close", () => {
            // The button that opened it may be removed: move the focus to the list.
            if (document.activeElement === document.body) byId("approvals-heading").focus();
        });
        byId("decide-form").addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#send();
        });
    }

    ask(approval, action) {
        // A retry keeps its Idempotency-Key, so that it is not a second decision.
        this.#asked = { approval, action, key: randomKey() };
        setText(byId("decide-heading"), `${LABELS[action]}?`);
        setText(byId("decide-what"), shown(approval.title ?? approval.approvalId));
        setText(this.#submit, LABELS[action]);
        setText(this.#error, "");
        this.#submit.className = action;
        this.#submit.disabled = false;
        this.#reason.value = "";
        this.#dialog.showModal();
        this.#reason.focus();
    }

    /** Another user decided first. */
    overtaken(approvalId, how) {
        if (!this.#dialog.open || this.#asked?.approval.approvalId !== approvalId || this.#asked.isSent) return;
        setText(this.#error, `Decided already: ${how}.`);
        this.#submit.disabled = true;
    }

    async #send() {
        const asked = this.#asked;
        asked.isSent = true;
        this.#submit.disabled = true;
        setText(this.#error, "");
        const body = { action: asked.action };
        if (this.#reason.value.trim()) body.reason = this.#reason.value.trim();
        try {
            const answer = await this.#causeway.fetch(`/v1/notifications/approvals/${encodeURIComponent(asked.approval.approvalId)}`, {
                method: "POST",
                headers: { "Content-Type": "application/json", "Idempotency-Key": asked.key },
                body: JSON.stringify(body),
            });
            const said = await answer.json();
            if (answer.ok) {
                this.#dialog.close();
                this.#onDecided({ ...said, reason: body.reason });
                return;
            }
            setText(this.#error, explained(answer.status, said));
            this.#submit.disabled = [403, 404, 409].includes(answer.status);
            if (answer.status === 409) await this.#learn(asked.approval.approvalId);
        } catch {
            setText(this.#error, "No answer: the decision may or may not be stored. Try again; it counts once.");
            this.#submit.disabled = false;
        }
        asked.isSent = false;
    }

    /** Describes the standing decision. */
    async #learn(approvalId) {
        const answer = await this.#causeway.fetch(`/v1/notifications/approvals/${encodeURIComponent(approvalId)}`);
        const { decision } = answer.ok ? await answer.json() : {};
        if (decision) this.#onDecided(decision);
    }
}

function explained(status, { message }) {
    const what = shown(message, 300);
    if (status === 409) return `Another decision came first. ${what}`;
    if (status === 403) return `You may not decide this. ${what}`;
    if (status === 503) return `The decision may or may not be stored. Try again; it counts once. ${what}`;
    return what || `The service answered with ${status}.`;
}

function randomKey() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
