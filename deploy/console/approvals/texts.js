// Texts about an approval: tally, deadline, outcome, history. Pure functions of what the API returns (contract §7, §12).

import { shown } from "../dom.js";
import { moment } from "../format.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Less time than this is short, and than this share of the time that the approval has in all; but the last minute always is. */
const SHORT = 5 * MINUTE;
const SHORT_SHARE = 1 / 4;
const LAST = MINUTE;

const OUTCOMES = { approve: "approved", reject: "rejected", expire: "expired" };
const OUTCOME_TONES = { approve: "good", reject: "bad", expire: "" };
const RISK_TONES = { critical: "bad", high: "bad", medium: "warn", low: "" };
/** Maximum length of a name. */
const NAME = 60;
/** Maximum number of people or roles in one text. */
const MOST_LISTED = 6;

/** "25 min left", or "only 58 s left" where time is short. Times in milliseconds, `now` by the service's clock: `{ text, isShort }`. */
export function remaining({ expiresAt, requestedAt }, now) {
    const left = moment(expiresAt) - now;
    if (Number.isNaN(left)) return { text: "no deadline", isShort: false };
    if (left <= 0) return { text: "deadline passed", isShort: true };
    const whole = moment(expiresAt) - moment(requestedAt);
    const isShort = left < LAST || left < Math.min(SHORT, Number.isNaN(whole) ? SHORT : whole * SHORT_SHARE);
    return { text: `${isShort ? "only " : ""}${span(left)} left`, isShort };
}

/** Two units of a duration: "3 d 4 h", "2 h 10 min", "25 min", "4 min 05 s", "58 s". */
function span(milliseconds) {
    const whole = (unit) => Math.floor(milliseconds / unit);
    const rest = (unit, part) => Math.floor((milliseconds % unit) / part);
    if (milliseconds >= 2 * DAY) return `${whole(DAY)} d ${rest(DAY, HOUR)} h`;
    if (milliseconds >= HOUR) return `${whole(HOUR)} h ${rest(HOUR, MINUTE)} min`;
    if (milliseconds >= 10 * MINUTE) return `${whole(MINUTE)} min`;
    if (milliseconds >= MINUTE) return `${whole(MINUTE)} min ${String(rest(MINUTE, SECOND)).padStart(2, "0")} s`;
    return `${Math.max(1, whole(SECOND))} s`;
}

/** "high risk" and its tone; empty without a risk. */
export function riskOf({ risk }) {
    if (!risk) return { text: "", tone: "" };
    return { text: `${shown(risk, 20)} risk`, tone: Object.hasOwn(RISK_TONES, risk) ? RISK_TONES[risk] : "" };
}

/** "incident Checkout is slow · high"; its id without a report, see `reportOf`. Empty for an approval that is about no incident. */
export function incidentOf({ incidentId }, report) {
    if (!incidentId) return "";
    return [`incident ${report?.title ?? shown(incidentId, NAME)}`, report?.severity.text].filter(Boolean).join(" · ");
}

/** "approved", "rejected", "expired"; empty while it is pending. */
export function outcomeOf({ decision }) {
    if (!decision) return "";
    return Object.hasOwn(OUTCOMES, decision.action) ? OUTCOMES[decision.action] : "decided";
}

/** "approved · ann" and its tone; undefined while it is pending. */
export function outcome(approval) {
    const { decision } = approval;
    if (!decision) return undefined;
    const by = decision.action === "expire" ? "" : shown(decision.decidedBy, 40);
    const tone = Object.hasOwn(OUTCOME_TONES, decision.action) ? OUTCOME_TONES[decision.action] : "";
    return { text: [outcomeOf(approval), by].filter(Boolean).join(" · "), tone };
}

/** "security 1 of 2 · dba 0 of 1"; after an escalation also the sets of its steps: "… , or managers 0 of 1". */
export function tally({ groups = [] }) {
    return setsOf(groups).map(({ groups: set }) => set.map(count).join(" · ")).join(", or ");
}

/** What is still missing in the set of groups that lacks the fewest approvals: "1 more of security, 1 of dba". */
export function missing({ groups = [] }) {
    const lacks = setsOf(groups).map(({ groups: set }) => set.filter(({ n, approvals }) => approvals < n));
    const size = (set) => set.reduce((sum, { n, approvals }) => sum + n - approvals, 0);
    const [least = []] = lacks.sort((one, other) => size(one) - size(other));
    return least.map(({ name, n, approvals }, place) => `${n - approvals}${place ? "" : " more"} of ${shown(name, NAME)}`).join(", ");
}

function count({ name, n, approvals }) {
    return `${shown(name, NAME)} ${approvals} of ${n}`;
}

/** Sets of groups, each of which suffices: the request's own, then one for each escalated step. */
export function setsOf(groups) {
    const sets = new Map();
    for (const group of groups) {
        const step = group.step ?? 0;
        if (!sets.has(step)) sets.set(step, { step, groups: [] });
        sets.get(step).groups.push(group);
    }
    return [...sets.values()].sort((one, other) => one.step - other.step);
}

/** Who may vote in a group: "role security, or dan". */
export function membersOf({ roles = [], users = [] }) {
    const named = roles.length ? [`${roles.length > 1 ? "roles" : "role"} ${listed(roles)}`] : [];
    return [...named, ...(users.length ? [listed(users)] : [])].join(", or ");
}

/** "ann, bob and 3 more". */
export function listed(names) {
    const first = names.slice(0, MOST_LISTED).map((name) => shown(name, NAME));
    return names.length > MOST_LISTED ? `${first.join(", ")} and ${names.length - MOST_LISTED} more` : first.join(", ");
}

/** One line for each record of the history: `{ text, reason, at, eventId }`. */
export function historyLines({ history = [] }) {
    let step = 0;
    return history.map((entry) => {
        const by = shown(entry.by, NAME);
        const inPlace = entry.onBehalfOf ? ` in the place of ${shown(entry.onBehalfOf, NAME)}` : "";
        let text = shown(entry.type, NAME);
        if (entry.type === "approval.requested") text = by ? `${by} asked` : "Requested";
        else if (entry.type === "approval.voted") text = `${by} ${entry.action === "approve" ? "approved" : "rejected"}${inPlace}`;
        else if (entry.type === "approval.escalated") text = `Step ${(step += 1)} of the escalation took effect`;
        else if (entry.type === "approval.consumed") text = `${by} took the permit to execute`;
        else if (entry.type === "approval.resolved") {
            if (entry.action === "expire") text = "Expired without a decision: counts as rejected";
            else text = `Decided: ${Object.hasOwn(OUTCOMES, entry.action) ? OUTCOMES[entry.action] : shown(entry.action, NAME)} by ${by}${inPlace}`;
        }
        return { text, reason: entry.reason, at: entry.at, eventId: entry.eventId };
    });
}

/** Whether the permit to execute was taken; empty while the approval is pending. */
export function execution({ decision, consumption }) {
    if (consumption) return `Permit taken by ${shown(consumption.consumedBy, NAME)}`;
    if (decision?.action === "approve") return "Not executed yet: the permit is not taken";
    return decision ? "Must not be executed" : "";
}

/** What became of the steps of the escalation: `{ text, at }` each. */
export function escalationLines({ escalation = [], decision }) {
    return escalation.map(({ at, escalatedAt }, place) => {
        const step = `Step ${place + 1}`;
        if (escalatedAt) return { text: `${step} took effect: more people may decide`, at: escalatedAt };
        if (decision) return { text: `${step} did not take effect`, at };
        return { text: `${step} lets more people decide unless it is decided before`, at };
    });
}
