// The page's keys. The palette and the help are loaded when they are opened for the first time.

import { byId, shown } from "./dom.js";
import { commandOf } from "./keyboard/commands.js";
import { answer, move } from "./keyboard/moves.js";

/** Kept for the next visit only if somebody chose it. */
const SETTING = "causeway.console.keys";
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
/** Sections that the palette always offers, besides those of the navigation. */
const ACTIONS = [
    { title: "Mark all notifications read", button: "read-all" },
    { title: "Pause or resume events", button: "events-pause" },
    { title: "Connection details", button: "overall" },
    { title: "Sign out", button: "sign-out" },
];

export class Keyboard {
    #announcer;
    #listed;
    #palette;
    #help;
    #closing = new AbortController();

    /** `listed()`: the approvals and incidents that the page lists, `{ title, hint, address }` each. */
    constructor(announcer, listed) {
        this.#announcer = announcer;
        this.#listed = listed;
        document.addEventListener("keydown", (event) => this.#press(event), { signal: this.#closing.signal });
        byId("keys-open").addEventListener("click", () => void this.#openHelp(), { signal: this.#closing.signal });
    }

    get isOn() {
        return localStorage.getItem(SETTING) !== "off";
    }

    set isOn(isOn) {
        if (isOn) localStorage.removeItem(SETTING);
        else localStorage.setItem(SETTING, "off");
    }

    #press(event) {
        const command = commandOf(event, {
            isTyping: event.target.matches?.(FIELDS) ?? false,
            isModal: document.querySelector("dialog[open]") !== null,
            isOn: this.isOn,
        });
        if (!command) return;
        event.preventDefault();
        this.#run(command);
    }

    #run(command) {
        if (command === "next") move(1);
        else if (command === "previous") move(-1);
        else if (command === "search") this.#search();
        else if (command === "palette") void this.#openPalette();
        else if (command === "help") void this.#openHelp();
        else {
            const obstacle = answer(command);
            if (obstacle) this.#announcer.say(obstacle);
        }
    }

    #search() {
        const field = byId("events-filter");
        if (field.getClientRects().length === 0) {
            location.hash = "#/events";
            // The router shows the section in this event's listeners, and gives its heading the focus.
            window.addEventListener("hashchange", () => field.focus(), { once: true, signal: this.#closing.signal });
        } else {
            field.focus();
        }
    }

    async #openPalette() {
        try {
            this.#palette ??= new (await import("./keyboard/palette.js")).Palette(() => this.#entries());
            if (!document.querySelector("dialog[open]")) this.#palette.open();
        } catch {
            this.#announcer.say("Couldn't load the command palette.");
        }
    }

    async #openHelp() {
        try {
            this.#help ??= new (await import("./keyboard/help.js")).Help(this);
            if (!document.querySelector("dialog[open]")) this.#help.open();
        } catch {
            this.#announcer.say("Couldn't load the help.");
        }
    }

    #entries() {
        const sections = [...document.querySelectorAll("#places a:not([hidden])")].map((link) => ({
            title: link.textContent,
            hint: "Section",
            address: link.hash,
        }));
        const links = byId("to-admin").hidden ? [] : [...document.querySelectorAll("#admin-tools a")];
        const tools = links.map((link) => ({ title: link.textContent, hint: "Admin", address: link.hash }));
        const actions = ACTIONS.filter(({ button }) => !byId(button).disabled && !byId(button).hidden).map(({ title, button }) => ({
            title,
            hint: "Action",
            run: () => byId(button).click(),
        }));
        const search = { title: "Search events", hint: "Action · /", run: () => this.#search() };
        const help = { title: "Keyboard help", hint: "Action · ?", run: () => void this.#openHelp() };
        return [...sections, ...this.#listed().map((entry) => ({ ...entry, title: shown(entry.title, 160) })), search, ...tools, ...actions, help];
    }

    close() {
        this.#closing.abort();
    }
}
