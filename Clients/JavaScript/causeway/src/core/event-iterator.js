import { CausewayError } from "./errors.js";

/** How many events an iterator buffers before it fails with `slow_reader`. */
const ITERATOR_EVENTS = 10_000;

/** An asynchronous iterator over the events of a stream. */
export class EventIterator {
    #events = [];
    #waiting = [];
    #ending = null;
    #leave;

    /** @param {() => void} leave Is called when the loop over the iterator is left. */
    constructor(leave) {
        this.#leave = leave;
    }

    push(event) {
        if (this.#ending) return;
        if (this.#waiting.length) this.#waiting.shift().resolve({ value: event, done: false });
        else if (this.#events.length < ITERATOR_EVENTS) this.#events.push(event);
        else {
            // A loop that ends with an error does not call `return`.
            this.end("slow_reader");
            this.#leave();
        }
    }

    end(reason) {
        const isGood = reason === "closed" || reason === "completed";
        this.#ending ??= { error: isGood ? null : new CausewayError(reason, `the stream has ended: ${reason}`) };
        for (const { resolve } of this.#waiting.splice(0)) resolve(this.#end());
    }

    next() {
        if (this.#events.length) return Promise.resolve({ value: this.#events.shift(), done: false });
        if (this.#ending) return this.#end();
        return new Promise((resolve) => this.#waiting.push({ resolve }));
    }

    #end() {
        return this.#ending.error ? Promise.reject(this.#ending.error) : Promise.resolve({ value: undefined, done: true });
    }

    return() {
        this.#events = [];
        this.#leave();
        return Promise.resolve({ value: undefined, done: true });
    }

    [Symbol.asyncIterator]() {
        return this;
    }
}
