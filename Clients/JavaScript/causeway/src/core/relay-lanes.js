/** The kinds of relay subscriptions for an incident. */
export const FAMILIES = ["investigation", "remediation"];

/** The key of a subscription: each has its own position in the log. */
export function laneOf(family, incidentId) {
    return `${family} ${incidentId}`;
}
