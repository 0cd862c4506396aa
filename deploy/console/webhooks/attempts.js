// The last attempts of an endpoint, the latest first. Those that are shown already stay as they are.

import { addressOf } from "../address.js";
import { setCode } from "../code.js";
import { element, foreign, setText, shown } from "../dom.js";
import { brief, duration, moment } from "../format.js";
import { when } from "../when.js";
import { outcome, sentence } from "./texts.js";

/** What is sent without being an event of the log: it has no page, and nothing begins with it. */
const OWN_TYPES = ["webhook.ping", "stream.gap"];

export class Attempts {
    root = element("div", { class: "attempts" });

    #text = element("p", { class: "muted", text: "Loading attempts…" });
    #list = element("ul", { class: "plain" });
    #items = new Map();
    #on;

    /** `on`: `replay(id)` and `resend(id, button)`: the events from this one on, or this one alone, are to be sent again. */
    constructor(on) {
        this.#on = on;
        this.root.append(element("h4", { text: "Last attempts" }), this.#text, this.#list);
    }

    update(attempts) {
        const items = new Map();
        for (const attempt of attempts) {
            const key = `${attempt.id} ${attempt.startedAt}`;
            items.set(key, this.#items.get(key) ?? this.#item(attempt));
        }
        this.#items = items;
        const wanted = [...items.values()];
        for (const item of [...this.#list.children]) if (!wanted.includes(item)) item.remove();
        wanted.forEach((item, place) => {
            if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
        });
        setText(this.#text, wanted.length ? "" : "None in the last 7 days.");
    }

    fail(text) {
        setText(this.#text, text);
    }

    #item(attempt) {
        const { id, type, startedAt, durationMs, answer, message, nextAttemptAt } = attempt;
        const { text, tone } = outcome(attempt);
        const isEvent = !OWN_TYPES.includes(type);
        const button = (name, text, label, act) => {
            const made = element("button", { type: "button", class: "quiet", text, "aria-label": label, data: { action: name } });
            made.addEventListener("click", () => act(made));
            return made;
        };
        const event = shown(id, 80);
        const buttons = [
            button("resend", "Send again", `Send again: ${event}`, (made) => this.#on.resend(id, made)),
            button("replay-from", "Replay from here…", `Replay from here: ${event}`, () => this.#on.replay(id)),
        ];
        const next = Number.isFinite(moment(nextAttemptAt)) ? `Next attempt at ${brief(moment(nextAttemptAt))}.` : "";
        const item = element(
            "li",
            { class: "item attempt", data: { attempt: id } },
            element(
                "div",
                { class: "line" },
                element("span", { class: "outcome", text, data: { tone } }),
                isEvent ? foreign("a", type, { href: addressOf("events", id) }, 128) : foreign("span", type, {}, 128),
                element("span", { class: "figures muted", text: duration(durationMs) }),
                element("span", { class: "when" }, when(startedAt, "figures muted")),
                ...(isEvent ? buttons : []),
            ),
        );
        const why = [message ? sentence(shown(message, 200)) : "", next].filter(Boolean).join(" ");
        if (why) item.append(element("p", { class: "small muted", dir: "auto", text: why }));
        if (answer) {
            const code = element("code");
            setCode(code, String(answer).slice(0, 2048));
            const label = `Answer to ${shown(id, 80)}`;
            item.append(
                element("details", {}, element("summary", { text: "Answer" }), element("pre", { class: "code", tabindex: "0", role: "group", "aria-label": label }, code)),
            );
        }
        return item;
    }
}
