import { compareCursors } from "../core/cursors.js";
import { notificationUpdate } from "../core/notification-messages.js";
import { withQuery } from "../core/queries.js";
import { openEventStream } from "./sse-request.js";

/**
 * The notification stream, over server-sent events.
 *
 * Every protocol has `name`, `key` (which distinguishes its streams), `compare` (of positions) and `open`. What `open` returns has `close`,
 * and `renew` if the transport can renew its token in place: it resolves to the outcome (core/renewal.js).
 */
export class NotificationProtocol {
    name = "notifications";
    compare = compareCursors;
    #url;

    constructor(origin, types) {
        this.key = [this.name, types];
        this.#url = withQuery(new URL("/v1/notifications/stream", origin), { types });
    }

    open(link) {
        return openEventStream(this.#url, link, notificationUpdate);
    }
}
