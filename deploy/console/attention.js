// Which of this origin's tabs is looked at. Over HTTP/1.1 a browser opens six connections to an origin, for all tabs together:
// what each tab would open for itself, only this one does.

const LOCK = "causeway.console.attention";

export class Attention {
    #lost;
    #onGained;
    #onLost;
    #closing = new AbortController();

    /** `onGained` and `onLost` are called in turn. */
    constructor(onGained, onLost) {
        this.#onGained = onGained;
        this.#onLost = onLost;
        const look = () => void this.#look();
        window.addEventListener("focus", look, { signal: this.#closing.signal });
        document.addEventListener("visibilitychange", look, { signal: this.#closing.signal });
        look();
    }

    async #look() {
        if (document.hidden) return this.#lost?.();
        if (this.#lost) return;
        const held = new Promise((resolve) => (this.#lost = resolve));
        this.#onGained();
        try {
            // The tab that had it is told by its request's failure. Pages that are not of a secure origin have no locks.
            await (navigator.locks ? navigator.locks.request(LOCK, { steal: true }, () => held) : held);
        } catch {
            // Another tab is looked at now.
        }
        this.#lost = undefined;
        this.#onLost();
    }

    close() {
        this.#closing.abort();
        this.#lost?.();
    }
}
