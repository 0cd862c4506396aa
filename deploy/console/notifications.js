// Panel of this user's notifications. The service keeps the read state for all of the user's devices.

import { addressOf } from "./address.js";
import { byId, element, foreign, List, setText, shown } from "./dom.js";
import { setUnread } from "./page-title.js";
import { askJSON } from "./requests.js";
import { when } from "./when.js";

const MOST = 40;
/** Minimum interval between loads in milliseconds; loads happen only while the page is visible. */
const PACE = 2000;

export class Notifications {
    #panel = byId("notifications");
    #list = new List(this.#panel, MOST);
    #error = this.#panel.querySelector(".error");
    #readAll = byId("read-all");
    #causeway;
    #rows = new Map();
    #timer;
    #isStale = false;
    #newest;
    #onVisible = () => this.#isStale && this.load();

    constructor(causeway) {
        this.#causeway = causeway;
        this.#readAll.addEventListener("click", () => this.#markAll());
        document.addEventListener("visibilitychange", this.#onVisible);
        this.#list.settle();
    }

    take(_, isNew) {
        if (isNew) this.load();
    }

    /** Schedules a load; coalesces calls. */
    load() {
        this.#isStale = true;
        if (document.hidden || this.#timer !== undefined) return;
        this.#timer = setTimeout(async () => {
            this.#isStale = false;
            await this.#attempt("Couldn't load notifications", async () => this.#show(await this.#ask(`?limit=${MOST}`)));
            this.#timer = undefined;
            if (this.#isStale) this.load();
        }, this.#newest === undefined ? 0 : PACE);
    }

    #ask(path, init) {
        return askJSON(this.#causeway, `/v1/notifications${path}`, init);
    }

    async #attempt(what, action) {
        try {
            await action();
            setText(this.#error, "");
        } catch (error) {
            setText(this.#error, `${what}: ${shown(error.message, 200)}`);
        }
    }

    async #mark(id) {
        await this.#attempt("Couldn't mark the notification read", async () => {
            await this.#ask(`/${encodeURIComponent(id)}/read`, { method: "PATCH" });
            this.#show(await this.#ask(`?limit=${MOST}`));
        });
    }

    async #markAll() {
        await this.#attempt("Couldn't mark all read", async () => {
            await this.#ask("/read", { method: "POST", body: { cursor: this.#newest } });
            this.#show(await this.#ask(`?limit=${MOST}`));
        });
    }

    #show({ items, unreadCount }) {
        this.#newest = items[0]?.notificationId ?? null;
        const rows = new Map(items.map((item) => [item.notificationId, this.#rows.get(item.notificationId) ?? this.#row(item)]));
        this.#rows = rows;
        for (const { notificationId, read } of items) {
            const { row, button } = rows.get(notificationId);
            row.dataset.read = String(read);
            if (read && document.activeElement === button) this.#readAll.focus();
            button.hidden = read;
        }
        this.#list.show([...rows.values()].map(({ row }) => row));
        this.#list.settle(unreadCount);
        this.#readAll.disabled = unreadCount === 0;
        setUnread(unreadCount);
    }

    #row({ notificationId, title, body, createdAt, incidentId, approvalId }) {
        const address =
            approvalId ? addressOf("approvals", approvalId)
            : incidentId ? addressOf("incidents", incidentId)
            : addressOf("events", notificationId.replace(/^ntf_/, "evt_"));

        const button = element("button", { type: "button", class: "quiet", text: "Read", "aria-label": `Mark read: ${shown(title, 100)}` });
        button.addEventListener("click", () => this.#mark(notificationId));
        const row = element(
            "li",
            { class: "item", data: { notification: notificationId } },
            element("div", { class: "line" }, foreign("a", title, { class: "title", href: address }, 160), button),
            element(
                "div",
                { class: "line small" },
                foreign("span", body, { class: "muted" }, 240),
                when(createdAt, "figures muted"),
            ),
        );
        return { row, button };
    }

    close() {
        clearTimeout(this.#timer);
        document.removeEventListener("visibilitychange", this.#onVisible);
    }
}
