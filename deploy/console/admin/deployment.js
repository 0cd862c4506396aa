// Texts about the deployment: what an admin may ask the services for over HTTP (contract §6, §11).

import { shown } from "../dom.js";
import { counted, moment, relative } from "../format.js";

const NUMBER = new Intl.NumberFormat();
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
/** The last characters of a process's id, which tell the replicas of a program apart. */
const SHORT = 6;
const SHARES = { connections: "Open connections", requests: "Requests", events: "Events", bytes: "Bytes of payloads", commands: "Commands" };

/** Facts of the relay's status (contract §6), names and values. */
export function relayFacts({ status, activeConnections, region, version }) {
    return [
        ["Open connections of the relay", `${shown(activeConnections, 20)}, of all tenants and all its processes`],
        ["State of the relay", shown(status, 40)],
        ["Region", shown(region, 60)],
        ["Version of the relay", shown(version, 60)],
    ];
}

/** How many webhooks are in which state. */
export function webhooksText(endpoints) {
    if (endpoints.length === 0) return "None";
    const counts = new Map();
    for (const { state } of endpoints) counts.set(state.name, (counts.get(state.name) ?? 0) + 1);
    const states = [...counts].map(([name, count]) => `${count} ${shown(name, 40)}`);
    return `${counted(endpoints.length, "webhook")}: ${states.join(", ")}`;
}

/** Which processes did not answer; empty if all did. */
export function silenceText({ complete, silent }, now = Date.now()) {
    if (complete) return "";
    if (silent.length === 0) return "The service does not know all processes yet: some may be missing for a few seconds.";
    const names = silent.map((one) => `${processName(one)} (last heard ${relative(moment(one.lastHeard), now)})`);
    return `Without ${names.join(", ")}: no answer.`;
}

/** Texts of a connection, open or closed, by column; `edges` are those of the answer. */
export function connectionTexts(connection, edges) {
    const { user, surface, execution, types, subscriptions, lag, deliveries, bytes, address, cause, instance } = connection;
    const edge = edges.find((one) => one.instance === instance);
    const filters = subscriptions ? counted(subscriptions.length, "subscription") : (types ?? []).join(", ");
    return {
        user: shown(user ?? "–", 80),
        what: [surface, execution, filters].filter(Boolean).map((text) => shown(text, 120)).join(" · "),
        behind: lag === undefined ? "Many" : NUMBER.format(lag),
        sent: `${counted(deliveries, "event")}, ${size(bytes)}`,
        where: shown(cause ? `Ended: ${cause}` : [address, edge ? processName(edge) : undefined].filter(Boolean).join(" at "), 120),
    };
}

/** Shares in use, a name and a text for each, with `value` of `most` where there is a limit. */
export function shareBars({ instances }) {
    const replicas = new Map();
    for (const { program } of instances) replicas.set(program, (replicas.get(program) ?? 0) + 1);
    return instances.flatMap((one) => {
        const place = replicas.get(one.program) > 1 ? processName(one) : shown(one.program, 40);
        return one.shares.map((share) => ({
            name: `${SHARES[share.name] ?? shown(share.name, 40)} (${place})`,
            value: share.used,
            most: share.limit,
            text: share.lastMinute === undefined ? placesText(share) : rateText(share),
        }));
    });
}

function placesText({ used, limit }) {
    return limit === undefined ? `${NUMBER.format(used)}, no limit` : `${NUMBER.format(used)} of ${NUMBER.format(limit)}`;
}

function rateText({ name, used, limit, perSecond, lastMinute }) {
    const amount = name === "bytes" ? size : (number) => NUMBER.format(number);
    const minute = `${amount(lastMinute)} in the last minute`;
    return limit === undefined ? `${minute}, no limit` : `${minute}; ${amount(limit - used)} left at once, ${amount(perSecond)} a second in the long run`;
}

/** What the log and the records of approvals hold, as {@link shareBars}. */
export function logBars({ log, approvals }, now = Date.now()) {
    return [["Log", "message", log], ["Records of approvals", "record", approvals]]
        .filter(([, , part]) => part)
        .map(([name, one, part]) => ({ name, value: part.filledPercent, most: part.filledPercent === undefined ? undefined : 100, text: partText(one, part, now) }));
}

function partText(one, { messages, keptSince, maxAge, maxBytes, filledPercent, dropsOldest }, now) {
    return [
        `${NUMBER.format(messages)} ${messages === 1 ? one : `${one}s`} of your tenant`,
        filledPercent === undefined ? "no limit of size" : `${filledPercent} % of ${size(maxBytes)} used by all tenants`,
        maxAge ? `kept for ${shown(maxAge, 20)}` : "kept without a limit of time",
        keptSince ? `the oldest is from ${relative(moment(keptSince), now)}` : "empty",
        dropsOldest ? "the oldest are dropped when it is full" : "new ones are refused when it is full",
    ].join("; ");
}

/** A process, for people: its program and the end of its id. */
function processName({ program, instance }) {
    return `${shown(program, 40)} …${shown(String(instance).slice(-SHORT), SHORT)}`;
}

/** 512 bytes, 1.5 KiB */
function size(bytes) {
    let [value, unit] = [bytes, 0];
    while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
    return `${NUMBER.format(unit === 0 ? value : Number(value.toFixed(1)))} ${UNITS[unit]}`;
}
