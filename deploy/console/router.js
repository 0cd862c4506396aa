// Shows what the page's address names: the overview, one section, or one thing in it.

import { addressOf, OF_ADMINS, OVERVIEW, placeAt, SECTIONS } from "./address.js";
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

    /** `visitors`: by section, what opens its addresses: `visit(...ids)`, which is called without ids for the section itself, and `leave()`. */
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
        if (isMoved) this.#arrive(section, ids);
        this.#visitors[section]?.visit?.(...ids);
    }

    /** Moves the focus and the view to what is shown now. One thing in a section takes the focus itself. */
    #arrive(section, ids) {
        const heading = SECTIONS.includes(section) ? byId(`${section}-heading`) : this.#main;
        if (ids.length === 0) heading.focus({ preventScroll: true });
        window.scrollTo(0, this.#tops.get(this.#address) ?? 0);
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
