// Combined state of all streams, in the bar; screen readers are told when it changes.

import { byId, setText } from "./dom.js";
import { duration } from "./format.js";

/** Shorter states are not announced. */
const PATIENCE = 700;

export class Overall {
    #lanes;
    #pending;

    constructor(lanes) {
        this.#lanes = lanes;
        this.show();
    }

    show() {
        clearTimeout(this.#pending);
        this.#pending = setTimeout(() => {
            this.#pending = undefined;
            this.#say();
        }, PATIENCE);
    }

    /** Shows how late events are, once a second. */
    tick() {
        if (this.#pending === undefined) this.#say();
    }

    #say() {
        const { state, text, detail } = overall(this.#lanes);
        byId("overall").dataset.state = state;
        setText(byId("overall-text"), text);
        setText(byId("overall-detail"), detail);
        // How late it is changes all the time.
        setText(byId("overall-status"), state === "behind" ? "Connection: behind" : `Connection: ${text}`);
    }
}

/** What is true of all streams together: `state`, a short `text`, and what it means for the reader as `detail`. `lanes`: `{ state, lag }` each. */
export function overall(lanes) {
    const is = (state) => lanes.some((lane) => lane.state === state);
    const live = lanes.filter((lane) => lane.state === "live").length;
    if (is("offline")) return { state: "offline", text: "No network", detail: "This page shows what it had. It resumes when the network is back." };
    if (is("unauthorized")) return { state: "offline", text: "Sign in again", detail: "This page shows what it had. Streams resume when you sign in again." };
    if (is("ended")) return { state: "ended", text: "A stream has ended", detail: "Reload the page to open it again." };
    if (is("stalled")) {
        return { state: "stalled", text: "Event log out of reach", detail: "New events are not delivered until it is back. Then they follow, each once." };
    }
    if (live < lanes.length) {
        if (!live && !is("waiting")) return { state: "connecting", text: "Connecting", detail: "" };
        return { state: "waiting", text: `${live} of ${lanes.length} streams`, detail: "The others reconnect, and resume after their last event." };
    }
    const lag = Math.max(...lanes.map((lane) => lane.lag));
    if (lag > 0) {
        return { state: "behind", text: `Behind by ${duration(lag)}`, detail: "Events arrive late: this page or its connection catches up with them." };
    }
    return { state: "live", text: "Live", detail: "All streams deliver events as they happen." };
}
