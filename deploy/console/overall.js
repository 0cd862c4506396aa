// Combined state of all streams, also announced to screen readers.

import { byId, setText } from "./dom.js";

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
        this.#pending = setTimeout(() => this.#say(), PATIENCE);
    }

    #say() {
        const live = this.#lanes.filter((lane) => lane.state === "live").length;
        const is = (state) => this.#lanes.some((lane) => lane.state === state);
        const [state, text] =
            live === this.#lanes.length ? ["live", "All streams are live"]
            : is("offline") ? ["offline", "No network"]
            : is("unauthorized") ? ["offline", "Sign in again"]
            : is("ended") ? ["ended", "A stream has ended"]
            : is("stalled") ? ["waiting", "The event log is out of reach"]
            : is("waiting") || live ? ["waiting", `${live} of ${this.#lanes.length} streams are live`]
            : ["connecting", "Connecting"];
        byId("overall").dataset.state = state;
        setText(byId("overall-text"), text);
    }
}
