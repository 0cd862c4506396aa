import { CausewayError } from "./core/errors.js";
import { EventIterator } from "./core/event-iterator.js";
import { GroupMember } from "./io/group-member.js";

/**
 * A stream of events. It connects and reconnects until `close()` is called or until it has `ended`.
 *
 * Dispatches `event` (`CausewayEvent`), `state` (`StreamState`), `gap` (`Gap`), `heartbeat` (`{ id, receivedAt }`) and
 * `error` (a {@link CausewayError}; the stream continues unless its state is `ended`), each as a CustomEvent with a `detail`. None is
 * dispatched before the code that created the stream has returned. `for await (const event of stream)` iterates over the details of
 * events from then on. The loop ends when the stream is closed or completed, and throws if it ended for another reason. Leaving the
 * loop closes the stream.
 */
export class EventStream extends EventTarget {
    #member;
    #state;
    #iterators = new Set();

    /** @private Created by `Causeway`. */
    constructor(context, protocol, lastEventId) {
        super();
        this.#state = { state: "connecting", reason: "start", attempt: 0, retryInMs: null, leader: false, since: Date.now() };
        this.#member = new GroupMember(context, protocol, lastEventId, (update) => this._accept(update));
    }

    /** The last state. @returns {import("./causeway.js").StreamState} */
    get state() {
        return this.#state;
    }

    /** The position to resume after, for another session; undefined before one is known, and always on the relay. */
    get lastEventId() {
        return this.#member.lastEventId;
    }

    /** Closes the stream in this tab only. */
    close() {
        this.#member.close("closed");
    }

    /** @private */
    get _member() {
        return this.#member;
    }

    /** @private Receives the updates of the group. */
    _accept(update) {
        switch (update.kind) {
            case "event":
                for (const iterator of this.#iterators) iterator.push(update.detail);
                break;
            case "state":
                this.#state = update.detail;
                if (update.detail.state === "ended") {
                    for (const iterator of this.#iterators) iterator.end(update.detail.reason);
                    this.#iterators.clear();
                }
                break;
            case "gap":
            case "heartbeat":
            case "error":
                break;
            default:
                return;
        }
        const { code, message, data } = update.detail;
        const detail = update.kind === "error" ? new CausewayError(code, message, data) : update.detail;
        this.dispatchEvent(new CustomEvent(update.kind, { detail }));
    }

    /** @returns {AsyncIterableIterator<import("./causeway.js").CausewayEvent>} */
    [Symbol.asyncIterator]() {
        const iterator = new EventIterator(() => this.close());
        if (this.#state.state === "ended") iterator.end(this.#state.reason);
        else this.#iterators.add(iterator);
        return iterator;
    }
}
