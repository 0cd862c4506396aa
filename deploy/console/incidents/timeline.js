// One incident with all its events, the oldest first.

import { addressOf } from "../address.js";
import { element, foreign, setText, shown } from "../dom.js";
import { summary } from "../summary.js";
import { when } from "../when.js";
import { showSeverity } from "./severity.js";

export class Timeline {
    #title = element("h3", { dir: "auto", tabindex: "-1" });
    #status = element("span", { class: "pill" });
    #severity = element("span", { class: "severity", dir: "auto" });
    #about = element("span", { class: "muted" });
    #waiting = element("p", { class: "caution", hidden: true });
    #list = element("ol", { class: "plain timeline" });
    #entries = new Map();

    constructor(id) {
        this.root = element(
            "div",
            { class: "timeline-of", data: { timeline: id } },
            element("div", { class: "line" }, this.#title, this.#status),
            element("p", { class: "facts-of small" }, this.#severity, this.#about),
            this.#waiting,
            this.#list,
        );
        this.#about.dir = "auto";
    }

    focus() {
        this.#title.focus({ preventScroll: true });
    }

    /** Entries stay where they are; further ones are added in their order. */
    update({ id, title, about, severity, status, waiting, records }) {
        setText(this.#title, title);
        setText(this.#about, [shown(id, 80), about].filter(Boolean).join(" · "));
        showSeverity(this.#severity, severity);
        setText(this.#status, status.text);
        this.#status.dataset.tone = status.tone;
        this.#status.dataset.status = status.name;
        this.#tellWaiting(waiting);
        const wanted = new Set(records.map((record) => record.id));
        for (const [key, item] of this.#entries) {
            if (wanted.has(key)) continue;
            item.remove();
            this.#entries.delete(key);
        }
        records.forEach((record, place) => {
            let item = this.#entries.get(record.id);
            if (!item) this.#entries.set(record.id, (item = entry(record)));
            if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
        });
    }

    #tellWaiting(waiting) {
        this.#waiting.hidden = waiting.length === 0;
        // A link that has the focus stays.
        if (this.#waiting.dataset.ids === waiting.map(({ id }) => id).join(" ")) return;
        this.#waiting.dataset.ids = waiting.map(({ id }) => id).join(" ");
        const links = waiting.map(({ id, title }) => foreign("a", title, { href: addressOf("approvals", id) }));
        this.#waiting.replaceChildren("Waits for an answer: ", ...links.flatMap((link, place) => (place ? [", ", link] : [link])));
    }
}

function entry(record) {
    const { id, type, payload, at } = record;
    const approval = payload.approvalId;
    const more = typeof approval === "string" ? [" ", foreign("a", "Approval", { href: addressOf("approvals", approval), "aria-label": `Approval ${shown(approval, 60)}` })] : [];
    return element(
        "li",
        { class: "step", data: { id } },
        when(at, "figures muted"),
        element("span", {}, foreign("a", type, { class: "covers", href: addressOf("events", id) }, 128), " ", foreign("span", summary(record)), ...more),
    );
}
