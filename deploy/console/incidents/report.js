// What the report of an incident says about it: the payload of its `incident.created`.

import { shown } from "../dom.js";
import { severityOf } from "./severity.js";

/** `{ title, about, severity }`: `title` is undefined if the payload has none, `severity` is that of `severityOf`. */
export function reportOf({ title, service, severity }) {
    return { title: title === undefined || title === null ? undefined : shown(title, 160), about: shown(service, 60), severity: severityOf(severity) };
}
