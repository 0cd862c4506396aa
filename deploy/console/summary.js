// Formats an event as one line of text.

import { shown } from "./dom.js";
import { answerWords } from "./words.js";

const SUMMARIES = {
    "incident.created": ({ title, severity, service }) => words(title, severity, service),
    "incident.status_changed": ({ previousStatus, status, reason }) => words(arrow(previousStatus, status), reason),
    "investigation.progress": ({ agentName, message }) => said(agentName, message),
    "approval.voted": ({ action, votedBy, onBehalfOf, reason }) => words(by(answerWords(action), votedBy), onBehalfOf && `for ${shown(onBehalfOf, 60)}`, reason),
    "approval.escalated": ({ step }) => `step ${shown(step, 20)}`,
    "approval.consumed": ({ consumedBy }) => by("permit taken", consumedBy),
    "approval.resolved": ({ action, decidedBy, reason }) => words(by(answerWords(action), decidedBy), reason),
    "remediation.approved": ({ decidedBy, reason }) => words(by("approved", decidedBy), reason),
    "remediation.rejected": ({ decidedBy, reason }) => words(by("rejected", decidedBy), reason),
    "issue.status.changed": ({ previous_status: before, status }) => arrow(before, status),
    "pattern.detected": ({ name, status, risk_score: risk }) => words(name, status, risk === undefined ? "" : `risk ${shown(risk, 20)}`),
    "job.updated": ({ status, progress, error }) => words(status, percent(progress), error),
};
/** The members that usually describe an event of another type. */
const USUAL = ["title", "rootCause", "message", "name", "result", "error", "status", "action", "reason", "id"];

/** Returns one line about an event of any type. */
export function summary({ type, payload }) {
    const line = Object.hasOwn(SUMMARIES, type) ? SUMMARIES[type](payload) : "";
    return line || shown(USUAL.map((member) => payload[member]).find((value) => value !== undefined && value !== null) ?? "");
}

/** Formats 0.75 as 75 %; empty for other values. */
export function percent(fraction) {
    return typeof fraction === "number" ? `${Math.round(100 * Math.min(1, Math.max(0, fraction)))} %` : "";
}

function words(...values) {
    return values.map((value) => shown(value, 200)).filter(Boolean).join(" · ");
}

function said(who, what) {
    return [shown(who, 60), shown(what)].filter(Boolean).join(": ");
}

function by(what, whom) {
    return whom === undefined || whom === null ? shown(what, 60) : `${shown(what, 60)} by ${shown(whom, 60)}`;
}

function arrow(from, to) {
    return [shown(from, 60), shown(to, 60)].filter(Boolean).join(" → ");
}
