// Elects the visible tab of this origin, with a Web Lock. Over HTTP/1.1 a browser opens six connections per origin, for all tabs:
// only this tab opens connections that are not shared.

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
            // The previous holder's request fails. Insecure origins have no Web Locks.
            await (navigator.locks ? navigator.locks.request(LOCK, { steal: true }, () => held) : held);
        } catch {
            // Another tab is visible now.
        }
        this.#lost = undefined;
        this.#onLost();
    }

    close() {
        this.#closing.abort();
        this.#lost?.();
    }
}
