// Tells at which edges the navigation goes on: it scrolls where it is wider than the window, and has no scrollbar. console.css shows it.

import { byId } from "./dom.js";

/** Distances in pixels that are rounding. */
const ROUNDING = 1;

/** Keeps the attributes `data-before` and `data-after` of the navigation right. */
export function tellMorePlaces(signal) {
    const places = byId("places");
    const tell = () => {
        const { scrollLeft, scrollWidth, clientWidth } = places;
        places.dataset.before = String(scrollLeft > ROUNDING);
        places.dataset.after = String(scrollLeft + clientWidth < scrollWidth - ROUNDING);
    };
    places.addEventListener("scroll", tell, { signal, passive: true });
    // Its links change their widths with the font, and appear with the user's role.
    const observer = new ResizeObserver(tell);
    for (const target of [places, ...places.children]) observer.observe(target);
    signal.addEventListener("abort", () => observer.disconnect());
}
