// Builds the page. Untrusted values become text, never HTML.

import { visible } from "./visible.js";

/** Maximum length of a shown text. */
const LONGEST = 400;

/** Formats a payload value as text: short, on one line, without invisible characters. */
export function shown(value, longest = LONGEST) {
    if (value === undefined || value === null) return "";
    // Truncate first: a text may have 256 KiB. A code point may have two units.
    const whole = typeof value === "object" ? JSON.stringify(value) : String(value);
    const points = Array.from(whole.slice(0, 2 * longest + 2));
    const text = visible(points.slice(0, longest).join("").replace(/[\t\n]+/g, " "));
    return points.length > longest ? `${text}…` : text;
}

/** Creates an element with attributes, class, text, data and children. Texts are never parsed as HTML. */
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

/** Creates an element for an untrusted text, with isolated text direction. */
export function foreign(name, value, attributes = {}, longest = LONGEST) {
    return element(name, { dir: "auto", ...attributes, text: shown(value, longest) });
}

/** Sets a text only if it differs, to avoid repeated announcements and redraws. */
export function setText(target, text) {
    if (target.textContent !== text) target.textContent = text;
}

export function byId(id) {
    return document.getElementById(id);
}

/** A bounded list in a panel, with a count in its heading and a text when empty. */
export class List {
    #list;
    #empty;
    #count;
    /** Maximum number of items. It holds from the next change on. */
    most;
    #isExpendable;
    /** The usual text of an empty list, and the one that it has now, once it is loaded. */
    #nothing;
    #said;
    #isLoading = false;

    /** `isExpendable(item)`: whether an item beyond the limit is removed before others, the lowest first. */
    constructor(panel, most, isExpendable) {
        this.#list = panel.querySelector(".list, tbody");
        this.#empty = panel.querySelector(".empty");
        this.#count = panel.querySelector(".count");
        this.most = most;
        this.#isExpendable = isExpendable;
        this.#nothing = this.#said = this.#empty?.textContent;
    }

    /** Until `loaded` an empty list says this: that nothing is there is not known yet. */
    begin(text) {
        this.#isLoading = true;
        setText(this.#empty, text);
        this.settle();
    }

    /** From now on an empty list means that nothing is there. */
    loaded() {
        if (!this.#isLoading) return;
        this.#isLoading = false;
        setText(this.#empty, this.#said);
    }

    /** What an empty list says once it is loaded; undefined for its usual text. */
    setEmpty(text) {
        this.#said = text ?? this.#nothing;
        if (!this.#isLoading) setText(this.#empty, this.#said);
    }

    get items() {
        return [...this.#list.children];
    }

    /** The items that are not hidden. */
    get shown() {
        return this.items.filter(({ hidden }) => !hidden);
    }

    /** Adds items at the top, one above the other; removes and returns those beyond the limit. */
    prepend(...items) {
        for (const item of items) this.#list.prepend(item);
        return this.#trim();
    }

    /** Adds an item above another, at the bottom if that is null; removes and returns those beyond the limit, which may be the item itself. */
    insert(item, below) {
        this.#list.insertBefore(item, below);
        return this.#trim();
    }

    #trim() {
        const gone = [];
        while (this.#list.children.length > this.most) {
            const item = (this.#isExpendable && this.items.findLast(this.#isExpendable)) ?? this.#list.lastElementChild;
            gone.push(item);
            item.remove();
        }
        this.settle();
        return gone;
    }

    /** Sets the items in this order. Items that stay keep their focus. */
    show(items) {
        const wanted = items.slice(0, this.most);
        for (const item of this.items) if (!wanted.includes(item)) item.remove();
        wanted.forEach((item, place) => {
            if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
        });
        this.settle();
    }

    /** `count`: the number in the heading; by default that of the items that are shown. */
    settle(count = this.shown.length) {
        const isEmpty = !this.#list.querySelector(":scope > :not([hidden])");
        if (this.#empty) this.#empty.hidden = !isEmpty;
        // Scrollable and focusable only while not empty.
        const scroll = this.#list.closest(".scroll");
        if (scroll) scroll.hidden = isEmpty;
        if (this.#count) setText(this.#count, count ? String(count) : "");
    }
}
