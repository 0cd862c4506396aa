// What the signed-in user may do about an approval, as far as the page can know: the service decides.

import { listed, missing } from "./texts.js";

const BOTH = ["approve", "reject"];

/**
 * @param {object} approval As the API shows it.
 * @param {{ user: string, roles: string[], isAdmin: boolean }} me
 * @param {string[]} delegators Who has let this user vote in their place.
 * @returns {{ actions: string[], text: string }} The answers to offer, and why not both, or what applies to them.
 */
export function standing(approval, me, delegators = []) {
    if (approval.decision) return { actions: [], text: "" };
    const vote = votedBy(approval, me.user);
    if (vote) return { actions: [], text: `Recorded: you ${vote}.${stillMissing(approval)}` };
    const groups = approval.groups ?? [];
    if (approval.fourEyes && approval.requestedBy === me.user) {
        return { actions: [], text: "You asked for this: somebody else decides." };
    }
    const givers = delegators.filter((giver) => !(approval.fourEyes && giver === approval.requestedBy));
    const isMember = groups.length ? groups.some((group) => admits(group, me)) : me.isAdmin;
    if (!isMember && givers.length === 0) {
        return { actions: [], text: groups.length ? `To be decided by ${listed(groups.map(({ name }) => name))}.` : "An admin decides." };
    }
    if (approval.fourEyes && !approval.requestedBy) {
        return { actions: ["reject"], text: "It needs a second person and does not say who asked: it can only be rejected." };
    }
    return { actions: BOTH, text: isMember ? "" : `In the place of ${listed(givers)}, if they may decide.` };
}

/** "approved" if the user has; undefined if not, as far as is known. A vote against is a decision. */
function votedBy({ groups = [], history = [], ownVote }, user) {
    const entry = history.find(({ type, by, onBehalfOf }) => type === "approval.voted" && (by === user || onBehalfOf === user));
    if (entry) return entry.by === user ? "approved" : `approved through ${listed([entry.by])}`;
    return ownVote || groups.some(({ approvedBy = [] }) => approvedBy.includes(user)) ? "approved" : undefined;
}

function stillMissing(approval) {
    const rest = missing(approval);
    return rest ? ` It waits for ${rest}.` : "";
}

function admits({ roles = [], users = [] }, me) {
    return users.includes(me.user) || roles.some((role) => me.roles.includes(role));
}
