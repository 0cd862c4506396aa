/** A subscription of the relay connection, for one tab or several. */
export class RelayTopic {
    members = new Set();
    /** Resolves when the relay has accepted the subscription and its position is known; rejects when it was refused. */
    ready;
    #isAccepted = false;
    #settle;

    /** @param {string | undefined} after The id of the last push, or the position where it began; undefined until known. */
    constructor(family, incidentId, after) {
        Object.assign(this, { family, incidentId, after });
        this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    }

    accepted() {
        this.#isAccepted = true;
        if (this.after !== undefined) this.#settle.resolve();
    }

    placed(id) {
        this.after ??= id;
        if (this.#isAccepted) this.#settle.resolve();
    }

    /** Rejects `ready`. Returns whether that reports the error to a caller, who waits until the relay has accepted. */
    failed(error) {
        this.#settle.reject(error);
        return !this.#isAccepted;
    }
}
