// The one place where the page is built. Whatever comes from outside becomes text here, and nothing else.

/** More of a text than this is never shown. */
const LONGEST = 400;

// What would turn the reading direction of what follows, or cannot be seen at all: shown by its number instead.
const UNSEEN = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g;

/** Any value of a payload as a text that can be shown: short, on one line, nothing invisible in it. */
export function shown(value, longest = LONGEST) {
    if (value === undefined || value === null) return "";
    // Cut first: a text may be a quarter of a megabyte. A code point may have two units.
    const whole = typeof value === "object" ? JSON.stringify(value) : String(value);
    const points = Array.from(whole.slice(0, 2 * longest + 2));
    const text = points.slice(0, longest).join("").replace(/[\t\n]+/g, " ").replace(UNSEEN, (one) => {
        return `⟨${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
    });
    return points.length > longest ? `${text}…` : text;
}

/** An element with attributes, a class, a text, data and children. Texts are put in as text, never read as HTML. */
export function element(name, { text, data = {}, ...attributes } = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value === true) made.setAttribute(key, "");
        else if (value !== undefined && value !== false) made.setAttribute(key, value);
    }
    Object.assign(made.dataset, data);
    if (text !== undefined) made.textContent = text;
    made.append(...children);
    return made;
}

/** An element for a text from outside: it keeps its own reading direction to itself. */
export function foreign(name, value, attributes = {}, longest = LONGEST) {
    return element(name, { dir: "auto", ...attributes, text: shown(value, longest) });
}

/** Changes a text only where it differs, so that nothing is announced or drawn twice. */
export function setText(target, text) {
    if (target.textContent !== text) target.textContent = text;
}

export function byId(id) {
    return document.getElementById(id);
}

/** A list in a panel: a count in its heading, a sentence when it is empty, and never more than so many items. */
export class List {
    #list;
    #empty;
    #count;
    #most;

    constructor(panel, most) {
        this.#list = panel.querySelector(".list, tbody");
        this.#empty = panel.querySelector(".empty");
        this.#count = panel.querySelector(".count");
        this.#most = most;
    }

    get items() {
        return [...this.#list.children];
    }

    /** Puts an item on top, and lets go of those that are too many; returns these. */
    prepend(item) {
        this.#list.prepend(item);
        const gone = [];
        while (this.#list.children.length > this.#most) {
            gone.push(this.#list.lastElementChild);
            this.#list.lastElementChild.remove();
        }
        this.settle();
        return gone;
    }

    /** Makes it these items in this order. One that stays is not touched, and keeps its focus. */
    show(items) {
        const wanted = items.slice(0, this.#most);
        for (const item of this.items) if (!wanted.includes(item)) item.remove();
        wanted.forEach((item, place) => {
            if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
        });
        this.settle();
    }

    /** `count`: what the heading says; how many items there are, unless it is given. */
    settle(count = this.#list.children.length) {
        if (this.#empty) this.#empty.hidden = this.#list.children.length > 0;
        // A place to scroll and to tab into only while there is something in it.
        this.#list.closest(".scroll").hidden = this.#list.children.length === 0;
        if (this.#count) setText(this.#count, count ? String(count) : "");
    }
}
