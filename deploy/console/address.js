// Addresses of what the page shows, such as `#/incidents/inc_1`: they can be shared, and survive a reload.

/** The sections by their names in addresses, in the navigation's order. */
export const SECTIONS = ["approvals", "incidents", "notifications", "executions", "events", "webhooks", "admin"];
/** Those for admins, which the overview does not have. */
export const OF_ADMINS = ["webhooks", "admin"];
/** All sections that are not for admins alone; its address is `#/`. */
export const OVERVIEW = "overview";
/** Published links of earlier versions: `#approvals/app_1`. */
const FORMER = /^#(?=approvals\/.)/;

/** Returns the address of a section, or of one thing in it. */
export function addressOf(section, ...ids) {
    return `#/${[section, ...ids].map(encodeURIComponent).join("/")}`;
}

/** Returns the address of a section that shows a part of its list, such as `#/incidents?show=all`. */
export function addressOfPart(section, part) {
    return `${addressOf(section)}?show=${encodeURIComponent(part)}`;
}

/** Returns the part of a list that the fragment of a URL names; empty without one. */
export function partAt(fragment) {
    return new URLSearchParams(fragment.split("?")[1]).get("show") ?? "";
}

/** Parses the fragment of a URL: `{ section, ids }`. Undefined if nothing is there. */
export function placeAt(fragment) {
    const text = fragment.split("?")[0].replace(FORMER, "#/");
    if (["", "#", "#/"].includes(text)) return { section: OVERVIEW, ids: [] };
    if (!text.startsWith("#/")) return undefined;
    try {
        const [section, ...ids] = text.slice(2).split("/").map(decodeURIComponent);
        // A dot as an id would be another path of a request.
        const isPlace = SECTIONS.includes(section) && !ids.some((id) => [".", ".."].includes(id));
        return isPlace ? { section, ids: ids.filter(Boolean) } : undefined;
    } catch {
        // Malformed percent-encoding.
        return undefined;
    }
}
