// One approval in the list. What changes is changed in place, so that nothing else moves.

import { addressOf } from "../address.js";
import { element, foreign, setText, shown } from "../dom.js";
import { exact, moment } from "../format.js";
import { showSeverity } from "../incidents/severity.js";
import { setAgo } from "../when.js";
import { Details } from "./details.js";
import { standing } from "./standing.js";
import { outcome, outcomeOf, remaining, riskOf, tally } from "./texts.js";

const LABELS = { approve: "Approve", reject: "Reject" };
let numbers = 0;

export class Card {
    /** What the API says about it, and `ownVote`: whether this user is known to have approved. */
    approval = {};
    /** What is known of its incident, see `reportOf`; undefined for nothing. */
    report;

    #onAnswer;
    #onOpen;
    #title;
    #status = element("time", { class: "pill figures" });
    #incident = element("a", { dir: "auto" });
    #severity = element("span", { class: "severity", dir: "auto", hidden: true });
    #since = element("span");
    #sinceTime = element("time");
    #tally = element("p", { class: "tally small" });
    #note = element("p", { class: "note small", dir: "auto" });
    #buttons = element("div", { class: "buttons", hidden: true });
    #toggle = element("button", { type: "button", class: "quiet toggle", text: "Details", "aria-expanded": "false" });
    #region;
    #details;
    #offered = "";
    #receipt = "";

    /** `onAnswer(card, action)`: an answer was chosen. `onOpen(card)`: the details are opened, and need the whole approval. */
    constructor(approval, { onAnswer, onOpen }) {
        this.#onAnswer = onAnswer;
        this.#onOpen = onOpen;
        const id = `approval-${(numbers += 1)}`;
        this.#title = shown(approval.title ?? approval.remediationId ?? approval.approvalId, 160);
        const risk = riskOf(approval);
        const facts = [];
        if (approval.requestedBy) facts.push(foreign("span", `asked by ${shown(approval.requestedBy, 60)}`, { class: "muted" }));
        if (approval.incidentId) {
            this.#incident.href = addressOf("incidents", approval.incidentId);
            setText(this.#incident, shown(approval.incidentId, 60));
            facts.push(element("span", { class: "muted" }, "incident ", this.#incident), this.#severity);
        }
        if (approval.user) facts.push(foreign("span", `private, addressed to ${shown(approval.user, 60)}`, { class: "muted" }));
        const link = foreign("a", this.#title, { class: "title covers", href: addressOf("approvals", approval.approvalId) }, 161);
        // Where the address names it already, the link does not change it.
        link.addEventListener("click", () => link.hash === location.hash && this.reveal());
        this.#region = element("div", { id: `${id}-details`, hidden: true });
        this.#toggle.setAttribute("aria-controls", `${id}-details`);
        this.#toggle.setAttribute("aria-label", `Details: ${this.#title}`);
        this.#toggle.addEventListener("click", () => this.#setOpen(this.#region.hidden));
        this.row = element(
            "li",
            { class: "item approval", data: { approval: approval.approvalId, outcome: "" } },
            element(
                "div",
                { class: "line" },
                link,
                element(
                    "span",
                    { class: "pills" },
                    ...(risk.text ? [element("span", { class: "pill", text: risk.text, data: { tone: risk.tone } })] : []),
                    this.#status,
                ),
            ),
            element(
                "div",
                { class: "line small" },
                element("span", { class: "facts-of" }, ...facts),
                element("span", { class: "figures muted" }, this.#since, this.#sinceTime),
            ),
            this.#tally,
            element("div", { class: "answer" }, this.#buttons, this.#toggle, this.#note),
            this.#region,
        );
    }

    get isOpen() {
        return !this.#region.hidden;
    }

    get isDecided() {
        return Boolean(this.approval.decision);
    }

    /**
     * Takes what the API says.
     *
     * @param {object} news Members of the approval; others stay as they are. A decision and a consumption are final: a response that was on its
     *     way before them does not take them back.
     * @param {{ user: string, roles: string[], isAdmin: boolean }} me
     * @param {string[]} delegators
     */
    update(news, me, delegators) {
        const { decision, consumption } = this.approval;
        this.approval = { ...this.approval, ...news, decision: news.decision ?? decision, consumption: news.consumption ?? consumption };
        const { approval } = this;
        this.row.dataset.outcome = outcomeOf(approval);
        setText(this.#since, this.isDecided ? `${outcomeOf(approval) === "expired" ? "expired" : "decided"} ` : "");
        setAgo(this.#sinceTime, moment(approval.decision?.decidedAt ?? approval.requestedAt));
        setText(this.#tally, tally(approval));
        this.#tally.hidden = !this.#tally.textContent;
        const { actions, text } = standing(approval, me, delegators);
        this.#offer(actions);
        const reason = approval.decision?.reason ? `“${shown(approval.decision.reason, 200)}”` : "";
        setText(this.#note, this.#receipt || text || reason);
        if (!this.#details) this.#fill();
        else if (approval.history) this.#details.update(approval);
    }

    /** Shows what is known of the incident; its id as long as that is undefined. */
    setReport(report) {
        if (!report) return;
        this.report = report;
        if (report.title) setText(this.#incident, report.title);
        showSeverity(this.#severity, report.severity);
    }

    /** Shows what became of this user's own answer. */
    setReceipt(text) {
        this.#receipt = text;
        setText(this.#note, text);
    }

    /** Shows the time that is left. Returns whether the deadline has passed without a known decision. */
    tick(now) {
        const { expiresAt } = this.approval;
        const decided = outcome(this.approval);
        const { text, isShort } = decided ?? remaining(this.approval, now);
        setText(this.#status, text);
        this.#status.dataset.tone = decided?.tone ?? (isShort ? "bad" : "");
        this.#status.classList.toggle("short", Boolean(isShort));
        const time = moment(decided ? this.approval.decision.decidedAt : expiresAt);
        if (Number.isFinite(time)) {
            this.#status.title = `${decided ? "Decided" : "Deadline"}: ${exact(time)}`;
            this.#status.dateTime = new Date(time).toISOString();
        }
        const isOver = !decided && moment(expiresAt) <= now;
        for (const button of this.#buttons.children) button.disabled = isOver;
        return isOver;
    }

    /** Opens the details and moves the focus to them. */
    reveal() {
        this.#setOpen(true);
        this.#toggle.focus();
        this.row.scrollIntoView({ block: "nearest" });
    }

    /** Closes the details. */
    close() {
        this.#setOpen(false);
    }

    /** Moves the focus to the card, whose buttons may be gone. */
    focus() {
        this.#toggle.focus();
    }

    #setOpen(isOpen) {
        this.row.style.minHeight = "";
        this.#region.hidden = !isOpen;
        this.#toggle.setAttribute("aria-expanded", String(isOpen));
        if (!isOpen) return;
        this.#fill();
        this.#onOpen(this);
    }

    /** Creates the details once they are wanted and the whole approval is there. */
    #fill() {
        if (!this.isOpen || this.#details) return;
        if (!this.approval.history) {
            this.#region.replaceChildren(element("p", { class: "muted", text: "Loading…" }));
            return;
        }
        this.#details = new Details(this.approval);
        this.#region.replaceChildren(this.#details.root);
    }

    /** Shows why there are no details. */
    setFailure(text) {
        if (!this.#details) this.#region.replaceChildren(element("p", { class: "error", text }));
    }

    #offer(actions) {
        const offered = actions.join();
        if (offered === this.#offered) return;
        this.#offered = offered;
        const hadFocus = this.#buttons.contains(document.activeElement);
        this.#buttons.replaceChildren(
            ...actions.map((action) => {
                const label = LABELS[action];
                const button = element("button", { type: "button", class: action, text: label, "aria-label": `${label}: ${this.#title}` });
                button.addEventListener("click", () => this.#onAnswer(this, action));
                return button;
            }),
        );
        this.#buttons.hidden = actions.length === 0;
        if (hadFocus) this.focus();
    }
}
