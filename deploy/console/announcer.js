// Screen reader announcements besides the state of the streams, at a limited rate.

import { byId, setText } from "./dom.js";

/** Minimum interval between announcements in milliseconds; the last one wins. */
const PACE = 3000;

export class Announcer {
    #next = 0;
    #pending;

    say(text) {
        clearTimeout(this.#pending);
        this.#pending = setTimeout(() => {
            this.#next = Date.now() + PACE;
            setText(byId("announcer"), text);
        }, Math.max(0, this.#next - Date.now()));
    }
}
