// One incident in the list.

import { addressOf } from "../address.js";
import { element, setText, shown } from "../dom.js";
import { setTime } from "../when.js";

export class Row {
    #title = element("a", { class: "title", dir: "auto" });
    #status = element("span", { class: "pill" });
    #about = element("span", { class: "muted" });
    #last = element("span", { class: "last", dir: "auto" });
    #progress;
    #time = element("time", { class: "figures muted" });

    constructor(id) {
        this.#title.href = addressOf("incidents", id);
        this.#progress = element("progress", { max: 1, hidden: true, "aria-label": `Investigation of ${shown(id, 60)}` });
        this.row = element(
            "li",
            { class: "item", data: { incident: id } },
            element("div", { class: "line" }, this.#title, this.#status),
            element("div", { class: "line small" }, this.#about, this.#time),
            this.#progress,
            this.#last,
        );
    }

    update({ title, about, status, progress, last, at }) {
        setText(this.#title, title);
        setText(this.#about, about);
        setText(this.#status, status.text);
        this.#status.dataset.tone = status.tone;
        this.row.dataset.status = status.name;
        this.#progress.hidden = status.name !== "investigating" || progress === undefined;
        if (progress !== undefined) this.#progress.value = progress;
        setText(this.#last, last);
        setTime(this.#time, at);
    }
}
