// One endpoint: health, settings, actions and attempts.

import { element, foreign, setText, shown } from "../dom.js";
import { when } from "../when.js";
import { Attempts } from "./attempts.js";
import { setHealth } from "./row.js";
import { health, replayed, timeOf } from "./texts.js";

export class EndpointView {
    endpoint;

    #title = element("h3", { tabindex: "-1", dir: "auto" });
    #health = element("span", { class: "pill health" });
    #detail = element("p");
    #facts = element("dl", { class: "facts" });
    /** What came of the latest action. */
    #result = element("p", { class: "result", role: "status" });
    /** The latest replay, as the service tells it. */
    #replay = element("p", { class: "replay" });
    #buttons;
    #failure = element("p", { class: "error", role: "alert" });

    /** `on`: `enable`, `test`, `replay(from)`, `resend(id)`, `edit`, `rotate`, `disable` and `remove`: what the buttons do. Errors are shown. */
    constructor(endpoint, on) {
        const button = (name, text, look = "") => {
            const made = element("button", { type: "button", class: look, text, data: { action: name } });
            made.addEventListener("click", () => void this.#run(made, () => on[name]()));
            return made;
        };
        this.#buttons = {
            enable: button("enable", "Enable", "primary"),
            test: button("test", "Send a test event"),
            replay: button("replay", "Send events again…"),
            edit: button("edit", "Edit…"),
            rotate: button("rotate", "Rotate secret…"),
            disable: button("disable", "Disable"),
            remove: button("remove", "Delete…", "reject"),
        };
        this.attempts = new Attempts({ replay: (from) => on.replay(from), resend: (id, made) => void this.#run(made, () => on.resend(id)) });
        this.root = element(
            "div",
            { class: "webhook", data: { endpoint: endpoint.id } },
            element("div", { class: "line" }, this.#title, this.#health),
            this.#detail,
            element("div", { class: "buttons" }, ...Object.values(this.#buttons)),
            this.#failure,
            this.#result,
            this.#replay,
            this.#facts,
            this.attempts.root,
        );
        this.update(endpoint);
    }

    focus() {
        this.#title.focus({ preventScroll: true });
    }

    update(endpoint) {
        const isSame = JSON.stringify(endpoint) === JSON.stringify(this.endpoint);
        this.endpoint = endpoint;
        if (isSame) return;
        const { id, url, types, description, ordered, user, createdAt, cursor, state } = endpoint;
        setText(this.#title, shown(description || url, 300));
        setHealth(this.#health, endpoint);
        setText(this.#detail, health(state).detail);
        const replay = replayed(endpoint);
        setText(this.#replay, replay?.text ?? "");
        this.#replay.dataset.underWay = String(replay?.isUnderWay ?? false);
        const { enable, disable, test } = this.#buttons;
        const hadFocus = [enable, disable].includes(document.activeElement);
        setText(enable, state.name === "disabled" ? "Enable" : "Try now");
        enable.hidden = state.name === "enabled";
        disable.hidden = state.name === "disabled";
        if (hadFocus && document.activeElement.hidden) test.focus();
        const facts = [
            ["Address", foreign("span", url, {}, 2048)],
            ["Types", foreign("span", types.join(", "), {}, 4000)],
            ["Order", ordered ? "One event at a time, in order" : "Up to 16 events at once"],
            ["Private events of", user ? foreign("span", user) : undefined],
            ["Created", when(createdAt)],
            // A place in the log, which need not be that of an event.
            ["Delivered up to", cursor ? element("span", {}, when(timeOf(cursor)), " ", element("code", { text: shown(cursor, 80) })) : undefined],
            ["Webhook", element("code", { text: shown(id, 80) })],
        ];
        this.#facts.replaceChildren(
            ...facts.filter(([, value]) => value !== undefined).map(([name, value]) => element("div", {}, element("dt", { text: name }), element("dd", {}, value))),
        );
    }

    /** Shows what came of an action. */
    tell(text) {
        setText(this.#result, text);
    }

    async #run(button, action) {
        if (button.hasAttribute("aria-busy")) return;
        setText(this.#failure, "");
        setText(this.#result, "");
        // It keeps the focus, which a disabled one loses.
        button.setAttribute("aria-busy", "true");
        button.setAttribute("aria-disabled", "true");
        try {
            await action();
        } catch (error) {
            setText(this.#failure, `${button.textContent.replace("…", "")}: ${shown(error.message, 300)}`);
        }
        button.removeAttribute("aria-busy");
        button.removeAttribute("aria-disabled");
    }
}
