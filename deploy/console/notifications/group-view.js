// One group of notifications in the list: those of an incident, the newest ones first, or a single one.

import { addressOf } from "../address.js";
import { element, foreign, setText, shown } from "../dom.js";
import { counted } from "../format.js";
import { ago } from "../when.js";
import { plain } from "../words.js";
import { titleIn } from "./groups.js";

/** Number of notifications of an incident that are shown at first. */
const FIRST = 3;

export class GroupView {
    row = element("li", { class: "group" });

    #onRead;
    #list = element("ul", { class: "plain" });
    #title;
    #more;
    #isWhole = false;
    #rows = new Map();

    /** `onRead(id)`: one is marked read. */
    constructor({ incidentId }, onRead) {
        this.#onRead = onRead;
        if (incidentId) {
            this.#title = element("a", { dir: "auto", href: addressOf("incidents", incidentId) });
            this.row.append(element("h3", { class: "group-title" }, this.#title));
        }
        this.#more = element("button", { type: "button", class: "quiet", hidden: true });
        this.#more.addEventListener("click", () => {
            const later = [...this.#rows.values()].map(({ row }) => row).find(({ hidden }) => hidden);
            this.#isWhole = true;
            this.#fold();
            // The button is gone now.
            later?.querySelector("a").focus();
        });
        this.row.append(this.#list, this.#more);
    }

    /** `title`: the incident's, if the page knows it. Returns whether a row that has the focus lost its button. */
    update(group, title) {
        const { incidentId, items } = group;
        if (this.#title) setText(this.#title, title ?? titleIn(group) ?? shown(incidentId, 160));
        const rows = new Map(items.map((item) => [item.notificationId, this.#rows.get(item.notificationId) ?? this.#row(item)]));
        for (const [id, { row }] of this.#rows) if (!rows.has(id)) row.remove();
        this.#rows = rows;
        let hasLostFocus = false;
        items.forEach(({ notificationId, read }, place) => {
            const { row, button } = rows.get(notificationId);
            row.dataset.read = String(read);
            hasLostFocus ||= read && document.activeElement === button;
            button.hidden = read;
            if (this.#list.children[place] !== row) this.#list.insertBefore(row, this.#list.children[place] ?? null);
        });
        this.#fold();
        return hasLostFocus;
    }

    #fold() {
        const rows = [...this.#rows.values()];
        rows.forEach(({ row }, place) => (row.hidden = !this.#isWhole && place >= FIRST));
        const count = rows.filter(({ row }) => row.hidden).length;
        this.#more.hidden = count === 0;
        setText(this.#more, `Show ${counted(count, "earlier notification")}`);
    }

    #row({ notificationId, title, body, createdAt, incidentId, approvalId }) {
        const address =
            approvalId ? addressOf("approvals", approvalId)
            : incidentId ? addressOf("incidents", incidentId)
            : addressOf("events", notificationId.replace(/^ntf_/, "evt_"));

        const words = plain(title);
        const button = element("button", { type: "button", class: "quiet", text: "Read", "aria-label": `Mark read: ${shown(words, 100)}` });
        button.addEventListener("click", () => this.#onRead(notificationId));
        const row = element(
            "li",
            { class: "item", data: { notification: notificationId } },
            element("div", { class: "line" }, foreign("a", words, { class: "title covers", href: address }, 160), button),
            element(
                "div",
                { class: "line small" },
                foreign("span", plain(body), { class: "muted" }, 240),
                ago(createdAt, "figures muted"),
            ),
        );
        return { row, button };
    }
}
