/** Milliseconds for which events are dispatched in a row: then the page paints, and answers input. */
const BUDGET = 8;

/**
 * Divides a loop over many events into tasks. What is received at once, as after an outage, would be one: reading from a body that has arrived
 * does not leave the task.
 */
export class Turns {
    #now;
    #nextTask;
    #begin;

    /**
     * @param {() => number} now The time in milliseconds.
     * @param {() => Promise<void>} nextTask Resolves in a further task.
     */
    constructor(now, nextTask) {
        this.#now = now;
        this.#nextTask = nextTask;
        this.#begin = now();
    }

    /** Returns at once while the budget lasts, and then in a further task. */
    async pause() {
        if (this.#now() - this.#begin < BUDGET) return;
        await this.#nextTask();
        this.#begin = this.#now();
    }
}
