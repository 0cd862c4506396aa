// Section of approvals: the pending ones by deadline, the last decided ones, and their changes as events tell them.

import { Aim, inPlace } from "./approvals/aim.js";
import { Card } from "./approvals/card.js";
import { Decision } from "./approvals/decision.js";
import { Ended } from "./approvals/ended.js";
import { IncidentReports } from "./approvals/incident-reports.js";
import { arrange, byDeadline } from "./approvals/order.js";
import { ApprovalService } from "./approvals/service.js";
import { outcome, remaining } from "./approvals/texts.js";
import { byId, List, setText, shown } from "./dom.js";
import { failureText } from "./failures.js";

const MOST = 60;
/** Minimum interval between loads in milliseconds; loads happen only while the page is visible. */
const PACE = 1000;
/** Interval after a load that failed. */
const RETRY = 5000;
/** Maximum number of approvals that one load reads one by one, and of those of each outcome that the first load reads. */
const MOST_READ = 20;
const OUTCOMES = ["approved", "rejected", "expired"];
/** Maximum number of approvals that wait to be read, as in a page that nobody looks at; the oldest are given up. */
const MOST_TO_READ = 200;
/** Interval between looks at the delegations. */
const DELEGATIONS_PACE = 60_000;

export class Approvals {
    #panel = byId("approvals");
    #list = new List(this.#panel, MOST);
    #ended = new Ended();
    #scroller = this.#panel.querySelector(".scroll");
    #error = this.#panel.querySelector(".error");
    /** What went wrong, by what was done: a list that loads says nothing about an address that did not open. */
    #failures = { load: "", visit: "" };
    #more = byId("approvals-more");
    #new = byId("approvals-new");
    #service;
    #identity;
    #announcer;
    #reports;
    #decision;
    #aim;
    #cards = new Map();
    /** The ids in the list of pending approvals. */
    #order = [];
    /** The ids that wait to get into it. */
    #waiting = [];
    /** The ids to be read one by one. */
    #toRead = new Set();
    /** The id that the page's address names. */
    #visited;
    #delegators = [];
    #delegatorsReadAt = -Infinity;
    #hasLoaded = false;
    #hasMore = false;
    #isStale = false;
    #isLoading = false;
    #timer;
    #ticking;
    #closing = new AbortController();

    /** `readReports(ids)`: resolves with the events that reported incidents, of those of them that the log names. */
    constructor(causeway, identity, announcer, readReports) {
        this.#service = new ApprovalService(causeway);
        this.#reports = new IncidentReports(readReports, () => this.#change(() => this.#tellReports()));
        this.#identity = identity;
        this.#announcer = announcer;
        this.#decision = new Decision(this.#service, {
            onRead: (approval) => this.#change(() => this.#put(approval)),
            onAnswered: (intention) => this.#answered(intention),
            // The button that opened the dialog may be gone.
            onClosed: (card) => document.activeElement === document.body && this.#focus(card),
        });
        this.#aim = new Aim(this.#scroller, this.#new, () => this.#hold(true), () => this.#hold(false));
        this.#ticking = setInterval(() => this.#tick(), 1000);
        this.#new.addEventListener("click", () => {
            byId("approvals-heading").focus();
            this.#aim.release();
            this.#show();
        });
        const { signal } = this.#closing;
        document.addEventListener("visibilitychange", () => this.#isStale && this.load(), { signal });
        this.#list.begin("Loading approvals…");
        this.#show();
    }

    /** Schedules a load of the pending approvals, and of those that changed; coalesces calls. */
    load() {
        this.#isStale = true;
        if (document.hidden || this.#isLoading) return;
        this.#isLoading = true;
        void this.#load().then((isLoaded) => {
            this.#timer = setTimeout(
                () => {
                    this.#isLoading = false;
                    if (this.#isStale) this.load();
                },
                isLoaded ? PACE : RETRY,
            );
        });
    }

    async #load() {
        this.#isStale = false;
        try {
            const { items, nextCursor } = await this.#service.list({ status: "pending", sort: "deadline", limit: MOST });
            const ended = this.#hasLoaded ? [] : await Promise.all(OUTCOMES.map((status) => this.#service.list({ status, limit: MOST_READ })));
            if (Date.now() - this.#delegatorsReadAt > DELEGATIONS_PACE) {
                this.#delegators = await this.#service.delegators(this.#identity.user);
                this.#delegatorsReadAt = Date.now();
            }
            this.#hasLoaded = true;
            this.#list.loaded();
            this.#hasMore = nextCursor !== null;
            this.#findVanished(items);
            this.#change(() => {
                for (const approval of [items, ...ended.map((page) => page.items)].flat()) this.#put(approval);
            });
            for (const id of [...this.#toRead].slice(0, MOST_READ)) {
                // First: an event that comes during the request asks for another one.
                this.#toRead.delete(id);
                try {
                    await this.#read(id);
                } catch (error) {
                    this.#toRead.add(id);
                    throw error;
                }
            }
            if (this.#toRead.size > 0) this.#isStale = true;
            this.#tell("load", "");
            return true;
        } catch (error) {
            this.#isStale = true;
            this.#tell("load", `${failureText("Couldn't load approvals", error)} Trying again.`);
            return false;
        }
    }

    #tell(what, failure) {
        this.#failures[what] = failure;
        setText(this.#error, Object.values(this.#failures).filter(Boolean).join(" "));
    }

    /** Approvals that the list of pending ones should have and has not were decided, or are not for lists. */
    #findVanished(items) {
        const pending = new Set(items.map(({ approvalId }) => approvalId));
        const last = items.at(-1);
        for (const [id, { approval, isDecided }] of this.#cards) {
            if (!isDecided && !pending.has(id) && (!this.#hasMore || byDeadline(approval, last) < 0)) this.#toRead.add(id);
        }
    }

    /** Reads one approval with its history. */
    async #read(id) {
        try {
            const approval = await this.#service.one(id);
            this.#change(() => this.#put(approval));
        } catch (error) {
            if (error.status !== 404) throw error;
            this.#change(() => this.#cards.delete(id));
        }
    }

    /** Takes events from before the page was opened. What they do not tell about incidents is read from the log. */
    recall(records) {
        for (const record of records) this.#reports.take(record);
        this.#reports.begin();
    }

    /** The last hour could not be loaded. */
    recallFailed() {
        this.#reports.begin();
    }

    /** Takes an event of any type. */
    take(record, isNew) {
        const { type, payload } = record;
        this.#reports.take(record);
        const id = payload.approvalId;
        if (!isNew || typeof id !== "string") return;
        const card = this.#cards.get(id);
        if (type === "approval.requested") this.#announcer.say(`Approval requested: ${shown(payload.title ?? id, 100)}`);
        if (type === "approval.escalated" && card) this.#announcer.say(`Approval escalated: ${shown(card.approval.title ?? id, 100)}`);
        // An event says when to look. What is shown is the record: producers can publish events of these types.
        const isAboutApproval = type.startsWith("approval.");
        if (isAboutApproval && type !== "approval.requested" && type !== "approval.voted") this.#toRead.add(id);
        if (card?.isOpen) this.#toRead.add(id);
        if (this.#toRead.size > MOST_TO_READ) this.#toRead.delete(this.#toRead.values().next().value);
        if (isAboutApproval || card?.isOpen) this.load();
    }

    /** The pending approvals in the list, in its order: `{ id, title }`. */
    get listed() {
        return this.#order.flatMap((id) => {
            const { approval, isDecided } = this.#cards.get(id) ?? { isDecided: true };
            return isDecided ? [] : [{ id, title: shown(approval.title ?? id, 160) }];
        });
    }

    /** Opens an approval: also one that is in no list, as it is for another user and names this one. Without one, the list. */
    async visit(id) {
        if (this.#visited !== id) this.#cards.get(this.#visited)?.close();
        this.#visited = id;
        this.#tell("visit", "");
        if (id === undefined) return;
        try {
            const approval = await this.#service.one(id);
            this.#change(() => this.#put(approval));
            if (this.#visited !== id) return;
            this.#tell("visit", "");
            this.#aim.release();
            this.#show();
            this.#cards.get(id)?.reveal();
        } catch (error) {
            if (this.#visited === id) this.#tell("visit", failureText(`Couldn't open approval ${shown(id, 80)}`, error));
        }
    }

    leave() {
        void this.visit(undefined);
    }

    /** Shows a part of the approvals that have ended, see `Ended`. */
    choose(part) {
        this.#ended.choose(part);
        this.#show();
    }

    #put(approval) {
        let card = this.#cards.get(approval.approvalId);
        if (!card) {
            card = new Card(approval, {
                onAnswer: (chosen, action) => this.#decision.ask(chosen, action),
                onOpen: (opened) => void this.#open(opened),
            });
            this.#cards.set(approval.approvalId, card);
            this.#reports.want(approval.incidentId);
            card.setReport(this.#reports.of(approval.incidentId));
        }
        this.#update(card, approval);
    }

    #tellReports() {
        for (const card of this.#cards.values()) card.setReport(this.#reports.of(card.approval.incidentId));
    }

    #update(card, news) {
        const wasPending = !card.isDecided;
        card.update(news, this.#identity, this.#delegators);
        if (wasPending && card.isDecided && card.row.contains(document.activeElement)) {
            this.#announcer.say(`${outcome(card.approval).text}: ${shown(card.approval.title ?? card.approval.approvalId, 100)}`);
        }
        card.tick(this.#service.clock.now());
        this.#decision.changed(card);
    }

    async #open(card) {
        try {
            await this.#read(card.approval.approvalId);
        } catch (error) {
            card.setFailure(failureText("Couldn't load the details", error));
        }
    }

    #answered({ approvalId, action, state }) {
        const card = this.#cards.get(approvalId);
        if (!card) return;
        const { phase, text, answer } = state;
        this.#change(() => {
            card.setReceipt(phase === "refused" ? "" : text);
            if (phase !== "recorded") return;
            const { status, groups, decidedBy, decidedAt, reason } = answer;
            if (status === "pending") {
                // From now on the tally says what is missing.
                card.setReceipt("");
                this.#update(card, { groups, ownVote: true });
            } else {
                this.#update(card, { decision: { action, decidedBy, decidedAt, reason } });
            }
        });
        if (phase === "recorded") {
            this.#announcer.say(text);
            // Nobody aims at a card that is answered: the list goes on.
            if (card.row.contains(document.activeElement)) byId("approvals-heading").focus();
        }
        if (phase === "recorded" || phase === "refused") {
            this.#toRead.add(approvalId);
            this.load();
        }
    }

    #tick() {
        const now = this.#service.clock.now();
        for (const [id, card] of this.#cards) {
            // The decision of an expiry is recorded shortly after it.
            if (card.tick(now) && !this.#toRead.has(id)) {
                this.#toRead.add(id);
                this.load();
            }
        }
        this.#aim.refresh();
        this.#decision.tick();
        this.#tellOfNew();
    }

    // MARK: Showing

    /** Makes a change of cards and shows it. What somebody aims at stays where it is. */
    #change(change) {
        const rows = this.#order.map((id) => this.#cards.get(id)?.row).filter(Boolean);
        inPlace(this.#aim.isHeld ? this.#aim.target(rows) : undefined, this.#scroller, () => {
            change();
            this.#show();
        });
    }

    /** Shows pending approvals by deadline, and decided ones below, the latest first. While somebody aims, see `arrange`. */
    #show() {
        const all = [...this.#cards.values()].map((card) => card.approval);
        const pending = all.filter(({ decision }) => !decision).sort(byDeadline).map(({ approvalId }) => approvalId);
        const known = this.#order.filter((id) => this.#cards.has(id));
        const { order, waiting } = arrange(known, pending.slice(0, MOST), this.#aim.isHeld);
        this.#order = order;
        const others = all.filter(({ approvalId, decision }) => decision && !order.includes(approvalId));
        const rowOf = (id) => this.#cards.get(id).row;
        this.#list.show(order.map(rowOf));
        this.#list.settle(pending.length);
        const kept = this.#ended.show(others, this.#visited, ({ approvalId }) => rowOf(approvalId));
        for (const approval of others) if (!kept.includes(approval)) this.#cards.delete(approval.approvalId);
        setText(this.#more, this.#hasMore ? `The ${MOST} that expire first are listed; more are pending.` : "");
        this.#waiting = waiting;
        this.#tellOfNew();
    }

    /** New approvals wait for this button while somebody aims at the list. Its place is kept free. */
    #tellOfNew() {
        const first = this.#cards.get(this.#waiting[0]);
        const left = first ? remaining(first.approval, this.#service.clock.now()).text : "";
        setText(this.#new, first ? `Show ${this.#waiting.length} new · ${left}` : "");
        this.#new.hidden = !first;
    }

    /** Cards keep their height while somebody aims: a decided one has no buttons any more. */
    #hold(isHeld) {
        for (const id of this.#order) {
            const row = this.#cards.get(id)?.row;
            if (row) row.style.minHeight = isHeld ? `${row.offsetHeight}px` : "";
        }
        if (!isHeld) this.#show();
    }

    #focus(card) {
        if (card.row.isConnected) card.focus();
        else byId("approvals-heading").focus();
    }

    close() {
        this.#reports.close();
        clearInterval(this.#ticking);
        clearTimeout(this.#timer);
        this.#closing.abort();
    }
}
