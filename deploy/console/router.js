// Shows what the page's address names: the overview, one section, or one thing in it.

import { addressOf, OF_ADMINS, OVERVIEW, partAt, placeAt, SECTIONS } from "./address.js";
import { byId, setText, shown } from "./dom.js";
import { setPlace } from "./page-title.js";

/** Maximum number of addresses whose scroll position is kept. */
const MOST = 50;

export class Router {
    #visitors;
    #main = byId("main");
    #links = [...document.querySelectorAll("#places a")];
    /** Scroll positions by address. */
    #tops = new Map();
    #address;
    #section;
    #closing = new AbortController();

    /**
     * `visitors`: by section, what opens its addresses: `choose(part)`, which shows a part of its list, empty for the usual one; `visit(...ids)`, which is
     * called without ids for the section itself; and `leave()`. Each is optional.
     */
    constructor(visitors) {
        this.#visitors = visitors;
        const { signal } = this.#closing;
        window.addEventListener("hashchange", () => this.#show(true), { signal });
        // Following the link would change the address.
        byId("skip").addEventListener("click", (event) => {
            event.preventDefault();
            this.#main.focus();
        }, { signal });
        this.#show(false);
    }

    #show(isMoved) {
        if (this.#address !== undefined) this.#remember(this.#address, window.scrollY);
        const place = placeAt(location.hash);
        if (place && !location.hash.startsWith("#/") && place.section !== OVERVIEW) {
            history.replaceState(history.state, "", addressOf(place.section, ...place.ids));
        }
        const { section, ids } = place ?? { section: undefined, ids: [] };
        const left = this.#section;
        this.#address = location.hash;
        this.#section = section;
        for (const name of SECTIONS) byId(name).hidden = section === OVERVIEW ? OF_ADMINS.includes(name) : name !== section;
        this.#main.classList.toggle("single", section !== OVERVIEW);
        byId("lost").hidden = section !== undefined;
        setText(byId("lost-address"), shown(location.hash, 80));
        for (const link of this.#links) {
            const isHere = link.dataset.section === section;
            if (isHere) link.setAttribute("aria-current", "page");
            else link.removeAttribute("aria-current");
            // The navigation scrolls where it is wider than the window.
            if (isHere) link.scrollIntoView({ block: "nearest", inline: "nearest" });
        }
        setPlace(this.#links.find((link) => link.dataset.section === section && section !== OVERVIEW)?.textContent ?? "");
        if (left !== section) this.#visitors[left]?.leave?.();
        // Behind one thing the list stays as it was.
        if (ids.length === 0) for (const [name, visitor] of Object.entries(this.#visitors)) visitor.choose?.(name === section ? partAt(location.hash) : "");
        if (isMoved) this.#arrive(section, ids);
        this.#visitors[section]?.visit?.(...ids);
    }

    /** Moves the focus and the view to what is shown now. One thing in a section takes the focus itself; of a list's part its link has it. */
    #arrive(section, ids) {
        const heading = SECTIONS.includes(section) ? byId(`${section}-heading`) : this.#main;
        if (ids.length === 0) heading.focus({ preventScroll: true });
        window.scrollTo(0, this.#tops.get(this.#address) ?? 0);
        if (partAt(this.#address)) byId(section)?.querySelector(".choice [aria-current]")?.focus();
    }

    #remember(address, top) {
        this.#tops.delete(address);
        this.#tops.set(address, top);
        if (this.#tops.size > MOST) this.#tops.delete(this.#tops.keys().next().value);
    }

    close() {
        this.#closing.abort();
    }
}
