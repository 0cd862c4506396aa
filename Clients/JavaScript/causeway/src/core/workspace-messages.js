import { eventUpdate, gapUpdate, heartbeatUpdate, placeUpdate, standingUpdate } from "./updates.js";

/** Reads the messages of one connection to the workspace stream. */
export class WorkspaceMessages {
    #wantsPlace;

    /** @param {boolean} wantsPlace Whether the connection asked for the end of the log. The server answers that with a gap, in which nothing is missing. */
    constructor(wantsPlace) {
        this.#wantsPlace = wantsPlace;
    }

    /** Returns the updates for a message. */
    updates({ type, payload, ts, id = null }) {
        if (type === "connected" || type === "authenticated") return [];
        if (type === "heartbeat") return [standingUpdate(payload.ok === false), heartbeatUpdate(id)];
        if (type !== "stream.gap") return [eventUpdate("workspace", id, type, payload, ts)];
        if (this.#wantsPlace && payload.reason === "unknown_cursor") {
            this.#wantsPlace = false;
            return [placeUpdate(id)];
        }
        return [gapUpdate({ ...payload, id })];
    }
}
