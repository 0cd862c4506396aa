// The decision dialog: what will be executed, a reason, and what became of the answer.

import { byId, element, setText, shown } from "../dom.js";
import { moment } from "../format.js";
import { newKey } from "../requests.js";
import { ActionView } from "./action-view.js";
import { descriptionOf } from "./details.js";
import { Intention } from "./intention.js";
import { incidentOf, outcome, remaining, riskOf, tally } from "./texts.js";

const LABELS = { approve: "Approve", reject: "Reject" };

export class Decision {
    #dialog = byId("decide");
    #heading = byId("decide-heading");
    #action = byId("decide-action");
    #reason = byId("decide-reason");
    #error = byId("decide-error");
    #status = byId("decide-status");
    #submit = byId("decide-submit");
    #service;
    #onRead;
    #onAnswered;
    /** What the open dialog is about: `{ card, action, view, isFinal }`; `view` once the action is shown. */
    #asked;
    /** Answers whose result is not known, by approval. */
    #open = new Map();

    /**
     * `onRead(approval)`: the approval was read. `onAnswered(intention)`: an answer has another state. `onClosed(card)`: the dialog was closed.
     */
    constructor(service, { onRead, onAnswered, onClosed }) {
        this.#service = service;
        this.#onRead = onRead;
        this.#onAnswered = onAnswered;
        byId("decide-cancel").addEventListener("click", () => this.#dialog.close());
        this.#dialog.addEventListener("close", () => {
            const { card } = this.#asked;
            this.#asked = undefined;
            onClosed(card);
        });
        byId("decide-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#answer();
        });
    }

    /** Opens the dialog for an answer. An answer whose result is unknown is shown instead. */
    ask(card, action) {
        const open = this.#open.get(card.approval.approvalId);
        this.#asked = { card, action: open?.action ?? action, isFinal: false };
        const { approval } = card;
        setText(this.#heading, `${LABELS[this.#asked.action]}?`);
        setText(byId("decide-what"), shown(approval.title ?? approval.approvalId, 2048));
        setText(this.#submit, LABELS[this.#asked.action]);
        this.#submit.className = this.#asked.action;
        this.#reason.value = open?.body.reason ?? "";
        this.#tell("", "");
        this.#action.replaceChildren(element("p", { class: "muted", text: "Loading what will be executed…" }));
        this.tick();
        this.#dialog.showModal();
        this.#heading.focus();
        if (open) this.#show(open);
        void this.#read();
    }

    /** Updates the time that is left, once a second. */
    tick() {
        if (!this.#asked) return;
        const { approval, report } = this.#asked.card;
        const left = remaining(approval, this.#service.clock.now());
        const asker = approval.requestedBy ? `asked by ${shown(approval.requestedBy, 60)}` : "does not say who asked";
        setText(byId("decide-facts"), [riskOf(approval).text, asker, incidentOf(approval, report), tally(approval), left.text].filter(Boolean).join(" · "));
        this.#settle();
    }

    /** The approval has changed: another person may have decided. */
    changed(card) {
        if (this.#asked?.card !== card) return;
        this.tick();
        const decided = outcome(card.approval);
        if (!decided || this.#open.has(card.approval.approvalId) || this.#error.textContent) return;
        this.#asked.isFinal = true;
        this.#tell(`Decided already: ${decided.text.replace(" · ", " by ")}.`, "");
        this.#settle();
    }

    /** Reads the approval again, so that the answer is about what it is now. */
    async #read() {
        const asked = this.#asked;
        const { approvalId } = asked.card.approval;
        asked.view = undefined;
        this.#settle();
        try {
            const approval = await this.#service.one(approvalId);
            const view = new ActionView(approval.action, approval.actionDigest);
            await view.ready;
            if (this.#asked !== asked) return;
            asked.view = view;
            this.#action.replaceChildren(view.root, ...descriptionOf(approval));
            this.#onRead(approval);
        } catch (error) {
            if (this.#asked !== asked) return;
            const again = element("button", { type: "button", class: "quiet", text: "Load again" });
            again.addEventListener("click", () => {
                this.#action.replaceChildren(element("p", { class: "muted", text: "Loading what will be executed…" }));
                this.#heading.focus();
                void this.#read();
            });
            const text = `Couldn't load what will be executed: ${shown(error.message, 200)} It can be rejected, but not approved unseen. `;
            this.#action.replaceChildren(element("p", { class: "error", text }, again));
        }
        this.#settle();
    }

    /** Sends the answer, or asks again for the result of one that was sent. */
    #answer() {
        const { card, action, view } = this.#asked;
        const { approvalId } = card.approval;
        let intention = this.#open.get(approvalId);
        if (!intention) {
            const answer = { approvalId, action, reason: this.#reason.value.trim(), actionDigest: view?.digest };
            intention = new Intention(answer, {
                key: newKey(),
                send: (body, key) => this.#service.decide(approvalId, body, key),
                wait: (time) => new Promise((resolve) => setTimeout(resolve, time)),
                onState: (changed) => this.#show(changed),
            });
            this.#open.set(approvalId, intention);
        }
        this.#show(intention);
        void intention.run();
    }

    #show(intention) {
        const { phase, text, isFinal, isStale } = intention.state;
        if (!intention.isOpen) this.#open.delete(intention.approvalId);
        const asked = this.#asked?.card.approval.approvalId === intention.approvalId ? this.#asked : undefined;
        if (asked && phase === "recorded") {
            this.#dialog.close();
        } else if (asked) {
            asked.isFinal = Boolean(isFinal);
            const isError = phase === "refused";
            this.#tell(isError ? text : "", isError ? "" : text);
            this.#settle();
            if (isStale) void this.#read();
        }
        this.#onAnswered(intention);
    }

    #tell(error, status) {
        setText(this.#error, error);
        setText(this.#status, status);
    }

    /** Enables what can be done now. */
    #settle() {
        const { card, action, view, isFinal } = this.#asked;
        const open = this.#open.get(card.approval.approvalId);
        const isUnanswered = open?.state.phase === "unanswered";
        const isSeen = action === "reject" || (view !== undefined && !view.objection);
        const isOver = moment(card.approval.expiresAt) <= this.#service.clock.now();
        this.#submit.disabled = open ? !isUnanswered : isFinal || !isSeen || isOver;
        setText(this.#submit, isUnanswered ? "Ask again" : LABELS[action]);
        // The answer of an Idempotency-Key does not change.
        this.#reason.readOnly = open !== undefined;
        setText(byId("decide-cancel"), open ? "Close" : "Cancel");
    }
}
