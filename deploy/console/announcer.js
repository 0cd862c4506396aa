// What is said aloud besides the state of the streams: little, and never in the middle of a word.

import { byId, setText } from "./dom.js";

/** At most one announcement in so many milliseconds; the last one wins. */
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
