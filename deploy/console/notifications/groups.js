// Notifications by what they are about.

import { shown } from "../dom.js";

/** The title of a notification about a further incident (contract §8). */
const OPENED = /^New incident: (.+)$/s;

/**
 * Groups items by incident, the group with the newest one first: `{ key, incidentId, items, unread }`. Items keep their order. One that is about no
 * incident is a group by itself.
 */
export function grouped(items) {
    const groups = new Map();
    for (const item of items) {
        const { incidentId, notificationId, read } = item;
        const key = incidentId ? `incident ${incidentId}` : notificationId;
        const group = groups.get(key) ?? { key, incidentId, items: [], unread: 0 };
        groups.set(key, group);
        group.items.push(item);
        if (!read) group.unread += 1;
    }
    return [...groups.values()];
}

/** The title of an incident as its notifications tell it; undefined if they do not. */
export function titleIn({ items }) {
    for (const { title } of items) {
        const found = OPENED.exec(title ?? "");
        if (found) return shown(found[1], 160);
    }
    return undefined;
}
