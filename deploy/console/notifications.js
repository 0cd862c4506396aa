// Section of this user's notifications, grouped by incident. The service keeps the read state for all of the user's devices.

import { byId, List, setText } from "./dom.js";
import { failureText } from "./failures.js";
import { GroupView } from "./notifications/group-view.js";
import { grouped } from "./notifications/groups.js";
import { setUnread } from "./page-title.js";
import { askJSON } from "./requests.js";

const MOST = 40;
/** Minimum interval between loads in milliseconds; loads happen only while the page is visible. */
const PACE = 2000;
/** Interval after a load that failed. */
const RETRY = 5000;

export class Notifications {
    #panel = byId("notifications");
    #list = new List(this.#panel, MOST);
    #error = this.#panel.querySelector(".error");
    #readAll = byId("read-all");
    #causeway;
    #titleOf;
    #views = new Map();
    #timer;
    #isStale = false;
    #newest;
    #onVisible = () => this.#isStale && this.load();

    /** `titleOf(incidentId)`: the title of an incident; undefined if the page does not know it. */
    constructor(causeway, titleOf) {
        this.#causeway = causeway;
        this.#titleOf = titleOf;
        this.#readAll.addEventListener("click", () => this.#markAll());
        document.addEventListener("visibilitychange", this.#onVisible);
        this.#list.begin("Loading notifications…");
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
            const isLoaded = await this.#attempt("Couldn't load notifications", async () => this.#show(await this.#ask(`?limit=${MOST}`)));
            this.#timer = undefined;
            if (isLoaded) return void (this.#isStale && this.load());
            this.#isStale = true;
            this.#timer = setTimeout(() => {
                this.#timer = undefined;
                this.load();
            }, RETRY);
        }, this.#newest === undefined ? 0 : PACE);
    }

    #ask(path, init) {
        return askJSON(this.#causeway, `/v1/notifications${path}`, init);
    }

    /** Returns whether the action succeeded; shows why not. */
    async #attempt(what, action) {
        try {
            await action();
            setText(this.#error, "");
            return true;
        } catch (error) {
            setText(this.#error, failureText(what, error));
            return false;
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
        this.#list.loaded();
        const groups = grouped(items);
        const views = new Map(groups.map((group) => [group.key, this.#views.get(group.key) ?? new GroupView(group, (id) => void this.#mark(id))]));
        this.#views = views;
        let hasLostFocus = false;
        for (const group of groups) if (views.get(group.key).update(group, this.#titleOf(group.incidentId))) hasLostFocus = true;
        this.#list.show([...views.values()].map(({ row }) => row));
        if (hasLostFocus) this.#readAll.focus();
        this.#list.settle(unreadCount);
        this.#readAll.disabled = unreadCount === 0;
        setUnread(unreadCount);
    }

    close() {
        clearTimeout(this.#timer);
        document.removeEventListener("visibilitychange", this.#onVisible);
    }
}
