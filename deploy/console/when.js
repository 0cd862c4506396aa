// A time as an element: short, with the exact time on hover.

import { element, setText } from "./dom.js";
import { brief, exact, moment } from "./format.js";

/** The time of the day; with the date if it is not today's. `look`: its classes. */
export function when(value, look = "figures") {
    const time = moment(value);
    if (!Number.isFinite(time)) return element("span", { class: look, text: "–" });
    const made = element("time", { class: look });
    setTime(made, time);
    return made;
}

/** Shows another time in the same element. */
export function setTime(target, time) {
    if (!Number.isFinite(time)) return;
    target.dateTime = new Date(time).toISOString();
    target.removeAttribute("title");
    setText(target, brief(time));
}

/** Formats the exact time of an element when a pointer enters it: for each event it would take more time than the rest of its row. */
export function tellExactTimes(signal) {
    document.addEventListener(
        "pointerover",
        ({ target }) => {
            if (target.localName === "time" && target.dateTime && !target.title) target.title = exact(moment(target.dateTime));
        },
        { signal },
    );
}
