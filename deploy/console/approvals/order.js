// The order of pending approvals, and what of it may be shown while somebody aims at the list.

/** Compares approvals: the one that expires next first, those without a deadline last; of the same deadline the one requested first. */
export function byDeadline(one, other) {
    return (
        compare(deadline(one), deadline(other)) ||
        compare(Date.parse(one.requestedAt), Date.parse(other.requestedAt)) ||
        compare(one.approvalId, other.approvalId)
    );
}

/** Whether an approval ended without a person's decision. */
export function isExpired({ decision }) {
    return decision?.action === "expire";
}

/** Compares approvals that have ended: the latest end first. */
export function byDecision(one, other) {
    return compare(Date.parse(other.decision?.decidedAt), Date.parse(one.decision?.decidedAt)) || compare(one.approvalId, other.approvalId);
}

/**
 * Arranges the list.
 *
 * While somebody aims at it, what is shown stays where it is, decided or not, and new approvals wait: an approval must not come under a
 * pointer that is about to press the button of another one. An empty list has nothing to move.
 *
 * @param {string[]} shown The ids in the list now.
 * @param {string[]} wanted The ids that belong into it, in order.
 * @param {boolean} isHeld Whether somebody aims at the list.
 * @returns {{ order: string[], waiting: string[] }} The ids to show, and those that wait.
 */
export function arrange(shown, wanted, isHeld) {
    if (!isHeld || shown.length === 0) return { order: wanted, waiting: [] };
    const known = new Set(shown);
    return { order: shown, waiting: wanted.filter((id) => !known.has(id)) };
}

function deadline({ expiresAt }) {
    const time = Date.parse(expiresAt ?? "");
    return Number.isNaN(time) ? Infinity : time;
}

function compare(one, other) {
    return one < other ? -1 : one > other ? 1 : 0;
}
