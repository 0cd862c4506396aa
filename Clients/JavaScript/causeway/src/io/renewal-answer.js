/** Milliseconds within which a server answers a renewal in place: it may have to ask the identity provider, for 10 s at most. */
const RENEWAL_TIMEOUT = 15_000;

/** The server's answer to a renewal in place. */
export class RenewalAnswer {
    #settle = () => {};

    /** Waits for the outcome (core/renewal.js): `unsupported` without an answer, since a workspace stream ignores messages that it does not know. */
    wait() {
        return new Promise((resolve) => {
            const timer = setTimeout(() => resolve("unsupported"), RENEWAL_TIMEOUT);
            this.#settle = (outcome) => {
                clearTimeout(timer);
                resolve(outcome);
            };
        });
    }

    settle(outcome) {
        this.#settle(outcome);
    }
}
