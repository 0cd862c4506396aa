// Links above a list that choose which part of it is shown. The choice is in the address, so that reload, back and sharing keep it.

import { addressOfPart } from "./address.js";
import { element, setText } from "./dom.js";

export class Choice {
    #links;
    #names;
    #hidden = element("span", { class: "muted" });
    /** The name of the part that is shown. */
    chosen;

    /** `parts`: the texts of the links by the name of their part; the first one is shown where the address names none. */
    constructor(place, section, parts) {
        this.#names = Object.keys(parts);
        this.#links = Object.entries(parts).map(([name, text]) => element("a", { href: addressOfPart(section, name), text, data: { part: name } }));
        place.append(...this.#links, this.#hidden);
        this.choose("");
    }

    /** Shows the part of that name. */
    choose(name) {
        this.chosen = this.#names.includes(name) ? name : this.#names[0];
        for (const link of this.#links) {
            if (link.dataset.part === this.chosen) link.setAttribute("aria-current", "true");
            else link.removeAttribute("aria-current");
        }
    }

    /** The address of the part that is shown. */
    get address() {
        return this.#links.find(({ dataset }) => dataset.part === this.chosen).hash;
    }

    /** Says what is not shown; empty if nothing is hidden. */
    tellHidden(text) {
        setText(this.#hidden, text);
    }
}
