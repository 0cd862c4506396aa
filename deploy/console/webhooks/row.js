// One endpoint in the list.

import { addressOf } from "../address.js";
import { element, setText, shown } from "../dom.js";
import { health, replayed } from "./texts.js";

export class Row {
    #title = element("a", { class: "title covers", dir: "auto" });
    #health = element("span", { class: "pill health" });
    #about = element("span", { class: "muted", dir: "auto" });
    #replay = element("span", { class: "muted" });

    constructor(id) {
        this.#title.href = addressOf("webhooks", id);
        this.row = element(
            "li",
            { class: "item endpoint", data: { endpoint: id } },
            element("div", { class: "line" }, this.#title, this.#health),
            element("div", { class: "line small" }, this.#about, this.#replay),
        );
    }

    update(endpoint) {
        setText(this.#title, shown(endpoint.description || endpoint.url, 200));
        const types = endpoint.types.map((type) => shown(type, 128)).join(", ");
        setText(this.#about, shown([endpoint.description ? endpoint.url : "", types].filter(Boolean).join(" · "), 300));
        const replay = replayed(endpoint);
        setText(this.#replay, replay?.isUnderWay ? "replaying" : "");
        setHealth(this.#health, endpoint);
    }
}

/** Shows the state of an endpoint by word and symbol. */
export function setHealth(target, { state }) {
    const { name, tone, detail } = health(state);
    setText(target, name);
    target.dataset.health = name;
    target.dataset.tone = tone;
    target.title = detail;
}
