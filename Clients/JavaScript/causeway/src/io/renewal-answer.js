/** Milliseconds within which a server answers a renewal in place; one that does not know it ignores it. */
const RENEWAL_TIMEOUT = 10_000;

/** The server's answer to a renewal in place. */
export class RenewalAnswer {
    #settle = () => {};

    /** Waits for the answer: false if none comes in time, or the server does not know renewal. */
    wait() {
        return new Promise((resolve) => {
            const timer = setTimeout(() => resolve(false), RENEWAL_TIMEOUT);
            this.#settle = (isRenewed) => {
                clearTimeout(timer);
                resolve(isRenewed);
            };
        });
    }

    /** @param {boolean} isRenewed */
    settle(isRenewed) {
        this.#settle(isRenewed);
    }
}
