// The command palette: a field, and a list of what fits it (the ARIA pattern of a combobox with a list).

import { addressOf } from "../address.js";
import { byId, element, foreign, setText } from "../dom.js";
import { counted } from "../format.js";
import { matching, named } from "./matches.js";

/** Maximum number of entries that are shown. */
const MOST = 12;
/** The count is announced when nobody has typed for this time in milliseconds. */
const PAUSE = 600;

export class Palette {
    #dialog;
    #field = element("input", {
        id: "palette-field", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: "300", placeholder: "Go to, or do",
        "aria-label": "Go to, or do", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
    });
    #list = element("ul", { id: "palette-list", class: "plain", role: "listbox", "aria-label": "What fits" });
    #status = element("p", { class: "unseen", role: "status" });
    #nothing = element("p", { class: "empty", text: "Nothing fits. Ids of events, incidents and approvals can be opened, too.", hidden: true });
    #entriesOf;
    #entries = [];
    #shown = [];
    #place = 0;
    #timer;

    /** `entriesOf()`: what can be chosen, `{ title, hint, address }` or `{ title, hint, run }` each. */
    constructor(entriesOf) {
        this.#entriesOf = entriesOf;
        this.#dialog = element("dialog", { id: "palette", "aria-label": "Command palette" }, this.#field, this.#list, this.#nothing, this.#status);
        byId("console").append(this.#dialog);
        this.#field.addEventListener("input", () => this.#show());
        this.#field.addEventListener("keydown", (event) => this.#press(event));
        // The field keeps the focus.
        this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
        this.#list.addEventListener("click", ({ target }) => {
            const place = [...this.#list.children].indexOf(target.closest("[role=option]"));
            if (place >= 0) this.#choose(place);
        });
        this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
        this.#dialog.addEventListener("close", () => clearTimeout(this.#timer));
    }

    open() {
        this.#entries = this.#entriesOf();
        this.#field.value = "";
        this.#show();
        this.#dialog.showModal();
        this.#field.focus();
    }

    #show() {
        const id = named(this.#field.value);
        const opened = id ? [{ title: `Open ${id.kind} ${id.id}`, hint: "", address: addressOf(id.section, id.id) }] : [];
        this.#shown = [...opened, ...matching(this.#entries, this.#field.value, MOST)].slice(0, MOST);
        this.#list.replaceChildren(
            ...this.#shown.map(({ title, hint }, place) =>
                element(
                    "li",
                    { id: `palette-${place}`, role: "option", "aria-selected": "false" },
                    foreign("span", title, { class: "name" }, 160),
                    foreign("span", hint, { class: "muted small" }, 60),
                ),
            ),
        );
        this.#list.hidden = this.#shown.length === 0;
        this.#nothing.hidden = this.#shown.length > 0;
        this.#field.setAttribute("aria-expanded", String(this.#shown.length > 0));
        this.#select(0);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => setText(this.#status, this.#shown.length ? counted(this.#shown.length, "entry", "entries") : "Nothing fits"), PAUSE);
    }

    #select(place) {
        this.#place = place;
        [...this.#list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
        const option = this.#list.children[place];
        if (option) this.#field.setAttribute("aria-activedescendant", option.id);
        else this.#field.removeAttribute("aria-activedescendant");
        option?.scrollIntoView({ block: "nearest" });
    }

    #press(event) {
        const count = this.#shown.length;
        if (event.isComposing || count === 0) return;
        const moves = { ArrowDown: (this.#place + 1) % count, ArrowUp: (this.#place + count - 1) % count };
        if (Object.hasOwn(moves, event.key)) this.#select(moves[event.key]);
        else if (event.key === "Enter") this.#choose(this.#place);
        else return;
        event.preventDefault();
    }

    #choose(place) {
        const { address, run } = this.#shown[place];
        // First: closing gives the focus back to where it was.
        this.#dialog.close();
        if (address) location.hash = address;
        else run();
    }
}
