// A time as an element: short or relative, with the exact time on hover.

import { element, setText } from "./dom.js";
import { brief, exact, moment, relative } from "./format.js";

/** Milliseconds between two updates of relative times. */
const PACE = 20_000;

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

/** How long ago a time was. It is kept right while the page is visible, see `keepRelativeTimes`. */
export function ago(value, look = "figures") {
    const time = moment(value);
    if (!Number.isFinite(time)) return element("span", { class: look, text: "–" });
    const made = element("time", { class: look });
    setAgo(made, time);
    return made;
}

/** Shows how long ago another time was, in the same element. */
export function setAgo(target, time) {
    if (!Number.isFinite(time)) return;
    target.dateTime = new Date(time).toISOString();
    target.dataset.ago = "";
    target.removeAttribute("title");
    setText(target, relative(time));
}

/** Updates relative times every 20 s while the page is visible, and at once when it becomes visible. */
export function keepRelativeTimes(signal) {
    const show = () => {
        if (document.hidden) return;
        for (const target of document.querySelectorAll("time[data-ago]")) setText(target, relative(moment(target.dateTime)));
    };
    const timer = setInterval(show, PACE);
    signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", show, { signal });
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
