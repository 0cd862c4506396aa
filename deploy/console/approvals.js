// Panel of pending approvals and their decisions. Of concurrent decisions one wins, and all viewers see which.

import { Decision } from "./decision.js";
import { byId, element, foreign, List, setText, shown } from "./dom.js";
import { clock, duration, moment } from "./format.js";

const MOST = 60;
/** Maximum number of decided approvals shown. */
const MOST_DECIDED = 8;
const OUTCOMES = { approve: "approved", reject: "rejected", expire: "expired" };

export class Approvals {
    #panel = byId("approvals");
    #list = new List(this.#panel, MOST);
    #error = this.#panel.querySelector(".error");
    #causeway;
    #identity;
    #announcer;
    #decision;
    #items = new Map();
    #timer;
    #loading;
    #isAskedAgain = false;

    constructor(causeway, identity, announcer) {
        this.#causeway = causeway;
        this.#identity = identity;
        this.#announcer = announcer;
        this.#decision = new Decision(causeway, (resolved) => this.#resolved(resolved));
        this.#timer = setInterval(() => {
            for (const item of this.#items.values()) this.#tell(item);
        }, 5000);
        this.#show();
    }

    /** Loads pending approvals (single-flight): calls during a load cause one more load, as its answer may be older than the call. */
    load() {
        if (this.#loading) {
            this.#isAskedAgain = true;
            return;
        }
        this.#loading = this.#load().finally(() => {
            this.#loading = undefined;
            if (!this.#isAskedAgain) return;
            this.#isAskedAgain = false;
            this.load();
        });
    }

    async #load() {
        try {
            const answer = await this.#causeway.fetch(`/v1/notifications/approvals?status=pending&limit=${MOST}`);
            if (!answer.ok) throw new Error((await answer.json()).message);
            const { items } = await answer.json();
            for (const approval of items.reverse()) this.#request(approval);
            const pending = new Set(items.map((approval) => approval.approvalId));
            const vanished = [...this.#items].filter(([id, item]) => !item.outcome && !pending.has(id)).map(([id]) => id);
            if (items.length < MOST) await Promise.all(vanished.map((id) => this.#reread(id)));
            setText(this.#error, "");
        } catch (error) {
            setText(this.#error, `Couldn't load approvals: ${shown(error.message, 200)}`);
        }
        this.#show();
    }

    /** Loads an approval that is no longer listed: it was decided while no stream was connected. */
    async #reread(id) {
        const answer = await this.#causeway.fetch(`/v1/notifications/approvals/${encodeURIComponent(id)}`);
        if (answer.ok) this.#resolved((await answer.json()).decision ?? {});
        else if (answer.status !== 404) throw new Error((await answer.json()).message);
    }

    take({ type, payload, at }, isNew) {
        if (!isNew || typeof payload.approvalId !== "string") return;
        if (type === "approval.requested") {
            this.#request({ ...payload, requestedAt: at });
            this.#announcer.say(`Approval requested: ${shown(payload.title ?? payload.approvalId, 100)}`);
        } else if (type === "approval.resolved") {
            this.#resolved(payload);
        }
        this.#show();
    }

    #request(approval) {
        if (this.#items.has(approval.approvalId)) return;
        const item = { approval, outcome: "", ...this.#row(approval) };
        this.#items.set(approval.approvalId, item);
        this.#tell(item);
    }

    #resolved({ approvalId, action, decidedBy, reason }) {
        const item = this.#items.get(approvalId);
        if (!item || item.outcome) return;
        const hadFocus = item.row.contains(document.activeElement);
        item.outcome = Object.hasOwn(OUTCOMES, action) ? OUTCOMES[action] : "decided";
        item.decidedBy = decidedBy;
        item.row.dataset.outcome = item.outcome;
        item.buttons.remove();
        setText(item.last, reason ? `“${shown(reason, 200)}”` : "");
        this.#tell(item);
        this.#decision.overtaken(approvalId, `${item.outcome} by ${shown(decidedBy, 60)}`);
        this.#show();
        // The buttons are removed: move the focus to the list.
        if (hadFocus) byId("approvals-heading").focus();
    }

    #row(approval) {
        const made = {
            status: element("span", { class: "pill" }),
            last: element("span", { class: "last", dir: "auto" }),
            buttons: element("div", { class: "buttons" }),
        };
        const title = shown(approval.title ?? approval.remediationId ?? approval.approvalId, 160);
        for (const [action, label] of [["approve", "Approve"], ["reject", "Reject"]]) {
            const button = element("button", { type: "button", class: action, text: label, "aria-label": `${label}: ${title}` });
            button.addEventListener("click", () => this.#decision.ask(approval, action));
            made.buttons.append(button);
        }
        if (!this.#identity.isAdmin) made.buttons.replaceChildren(element("span", { class: "muted small", text: "An admin decides." }));
        made.row = element(
            "li",
            { class: "item", data: { approval: approval.approvalId, outcome: "" } },
            element("div", { class: "line" }, foreign("b", title, { class: "title" }, 161), made.status),
            element(
                "div",
                { class: "line small" },
                foreign("span", approval.requestedBy ? `asked by ${shown(approval.requestedBy, 60)}` : "", { class: "muted" }),
                element("time", { class: "figures muted", text: clock(moment(approval.requestedAt)) }),
            ),
            made.last,
            made.buttons,
        );
        return made;
    }

    #tell({ approval, outcome, decidedBy, status }) {
        const left = moment(approval.expiresAt) - Date.now();
        const waiting = Number.isNaN(left) ? "waits" : left > 0 ? `${duration(left)} left` : "expiring";
        setText(status, outcome ? [outcome, shown(decidedBy, 40)].filter(Boolean).join(" · ") : waiting);
        status.dataset.tone = { approved: "good", rejected: "bad" }[outcome] ?? (outcome ? "" : "warn");
    }

    /** Pending approvals first, then decided ones; each newest first. */
    #show() {
        const all = [...this.#items.values()].sort((one, other) => moment(other.approval.requestedAt) - moment(one.approval.requestedAt));
        const waiting = all.filter((item) => !item.outcome);
        const decided = all.filter((item) => item.outcome);
        for (const item of [...waiting.slice(MOST), ...decided.slice(MOST_DECIDED)]) this.#items.delete(item.approval.approvalId);
        this.#list.show([...waiting.slice(0, MOST), ...decided.slice(0, MOST_DECIDED)].map((item) => item.row));
        this.#list.settle(waiting.length);
    }

    close() {
        clearInterval(this.#timer);
    }
}
