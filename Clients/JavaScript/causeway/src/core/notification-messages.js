import { eventUpdate, gapUpdate, heartbeatUpdate, isStanding, placeUpdate, standingOf } from "./updates.js";

/**
 * Returns the update for a block of the notification stream; undefined for a block without an update. Throws if its data is not JSON.
 *
 * @param {import("../causeway.js").EventStreamBlock} block
 */
export function notificationUpdate({ type, id, data }) {
    if (data === null) return id === null ? undefined : placeUpdate(id);
    if (type === "ping") return heartbeatUpdate(id);
    if (isStanding(type)) return standingOf(type);
    const { type: _, timestamp, ...payload } = JSON.parse(data);
    if (type === "stream.gap") return gapUpdate({ ...payload, id });
    return eventUpdate("notifications", id, type, payload, timestamp);
}
