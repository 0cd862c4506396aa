// How bad an incident is, by symbol and word: the symbol is drawn by work.css.

import { setText, shown } from "../dom.js";

const LEVELS = { critical: "critical", sev1: "critical", p1: "critical", high: "high", sev2: "high", p2: "high", medium: "medium", sev3: "medium", p3: "medium", low: "low", sev4: "low", p4: "low", info: "low" };

/** `{ name, text }`: `name` is one of critical, high, medium and low, or empty for other severities, which are texts like any other. */
export function severityOf(severity) {
    const text = shown(severity, 60);
    const key = text.toLowerCase();
    return { name: Object.hasOwn(LEVELS, key) ? LEVELS[key] : "", text };
}

/** Shows a severity in an element. */
export function showSeverity(target, { name, text }) {
    setText(target, text);
    target.dataset.severity = name;
    target.hidden = text === "";
}
