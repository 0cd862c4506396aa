// One incident in the list.

import { addressOf } from "../address.js";
import { element, setText, shown } from "../dom.js";
import { setAgo } from "../when.js";
import { showSeverity } from "./severity.js";

export class Row {
    #title = element("a", { class: "title covers", dir: "auto" });
    #status = element("span", { class: "pill" });
    #severity = element("span", { class: "severity", dir: "auto" });
    #about = element("span", { class: "muted", dir: "auto" });
    #last = element("span", { class: "last", dir: "auto" });
    #progress;
    #time = element("time", { class: "figures muted" });

    /** The row is hidden until the list shows it. */
    constructor(id) {
        this.#title.href = addressOf("incidents", id);
        this.#progress = element("progress", { max: 1, hidden: true, "aria-label": `Investigation of ${shown(id, 60)}` });
        this.row = element(
            "li",
            { class: "item", data: { incident: id }, hidden: true },
            element("div", { class: "line" }, this.#title, this.#status),
            element("div", { class: "line small" }, element("span", { class: "facts-of" }, this.#severity, this.#about), this.#time),
            this.#progress,
            this.#last,
        );
    }

    update({ title, about, severity, status, progress, last, at }) {
        setText(this.#title, title);
        setText(this.#about, about);
        showSeverity(this.#severity, severity);
        setText(this.#status, status.text);
        this.#status.dataset.tone = status.tone;
        this.#status.dataset.status = status.name;
        this.row.dataset.status = status.name;
        this.#progress.hidden = status.name !== "investigating" || progress === undefined;
        if (progress !== undefined) this.#progress.value = progress;
        setText(this.#last, last);
        setAgo(this.#time, at);
    }
}
