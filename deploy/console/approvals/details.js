// Everything about one approval: the request, the action, who must decide, what happened, and the events that tell so.

import { addressOf } from "../address.js";
import { element, foreign, shown } from "../dom.js";
import { when } from "../when.js";
import { ActionView } from "./action-view.js";
import { escalationLines, execution, historyLines, listed, membersOf, setsOf } from "./texts.js";

export class Details {
    root = element("div", { class: "details" });

    #course = element("div", { class: "course" });

    /** `approval`: as `ApprovalService.one` returns it. */
    constructor(approval) {
        const { approvalId, title, requestedBy, requestedAt, incidentId, remediationId, expiresAt, user, fourEyes } = approval;
        const facts = [
            ["Title", title ? foreign("span", title, {}, 2048) : undefined],
            ["Asked by", requestedBy ? foreign("span", requestedBy) : "not named"],
            ["Asked at", when(requestedAt)],
            ["Deadline", expiresAt ? when(expiresAt) : "none"],
            ["Incident", incidentId ? foreign("a", incidentId, { href: addressOf("incidents", incidentId) }) : undefined],
            ["Remediation", foreign("span", remediationId)],
            ["Approval", element("a", { href: addressOf("approvals", approvalId), dir: "auto", text: shown(approvalId) })],
            ["Private, addressed to", user ? foreign("span", user) : undefined],
            ["Four eyes", fourEyes ? "The one who asked may not decide" : undefined],
        ];
        this.root.append(
            new ActionView(approval.action, approval.actionDigest).root,
            ...descriptionOf(approval),
            element("dl", { class: "facts" }, ...facts.filter(([, value]) => value !== undefined).map(fact)),
            this.#course,
        );
        this.update(approval);
    }

    /** Shows votes, decision and what followed; the request itself never changes. */
    update(approval) {
        this.#course.replaceChildren(
            ...groups(approval),
            ...section("Escalation", escalationLines(approval).map(({ text, at }) => item(text, at))),
            ...section("History", historyLines(approval).map(entry)),
            ...section("Events", (approval.events ?? []).map(event)),
            ...paragraph(execution(approval), approval.consumption?.consumedAt),
        );
    }
}

/** The description with its lines, if there is one. */
export function descriptionOf({ description }) {
    if (!description) return [];
    return [element("p", { class: "description", dir: "auto", tabindex: "0", role: "group", "aria-label": "Description", text: lines(description) })];
}

function lines(text) {
    return text.split(/\r?\n/).map((line) => shown(line, 20_000)).join("\n");
}

function fact([name, value]) {
    return element("div", {}, element("dt", { text: name }), element("dd", {}, value));
}

function section(title, items) {
    return items.length ? [element("h3", { text: title }), element("ul", { class: "plain" }, ...items)] : [];
}

function paragraph(text, at) {
    return text ? [element("p", { class: "execution" }, text, ...(at ? [" ", when(at)] : []))] : [];
}

function item(text, at, ...more) {
    return element("li", {}, element("span", { dir: "auto", text }), " ", when(at), ...more);
}

function groups(approval) {
    return setsOf(approval.groups ?? []).flatMap(({ step, groups: set }) => {
        const items = set.map((group) => {
            const { name, n, approvals, approvedBy = [] } = group;
            const by = approvedBy.length ? `: ${listed(approvedBy)}` : "";
            return element(
                "li",
                {},
                foreign("b", `${shown(name, 128)} ${approvals} of ${n}${by}`),
                foreign("span", ` ${membersOf(group)}`, { class: "muted small" }),
            );
        });
        return section(step ? `Or, since step ${step} of the escalation` : "Who must approve", items);
    });
}

function entry({ text, reason, at, eventId }) {
    const more = [];
    if (reason) more.push(element("q", { class: "reason", dir: "auto", text: lines(reason) }));
    if (eventId) more.push(element("code", { class: "muted small id" }, element("a", { href: addressOf("events", eventId), text: shown(eventId, 80) })));
    return item(text, at, ...more);
}

function event({ id, type, timestamp }) {
    const text = id ? shown(id, 80) : "no longer in the log";
    const code = element("code", { class: "muted small id" }, id ? element("a", { href: addressOf("events", id), text }) : text);
    return item(shown(type, 128), timestamp, code);
}
