// Panel of executions: agents and workflows followed by name, and jobs from events.

import { Attention } from "./attention.js";
import { byId, element, List, setText, shown } from "./dom.js";
import { ExecutionView } from "./execution-view.js";
import { Follower } from "./follower.js";

const MOST = 24;
/** Maximum number of followed executions, one connection each; over HTTP/1.1 a browser opens six per origin, for all tabs and users. */
const MOST_FOLLOWED = performance.getEntriesByType("navigation")[0]?.nextHopProtocol === "h2" ? 6 : 2;
const MOST_SUGGESTED = 50;
const FOLLOWED = ["agent", "workflow"];

export class Executions {
    #list = new List(byId("executions"), MOST);
    #causeway;
    #followers = new Map();
    #jobs = new Map();
    #agents = new Set();
    #attention;
    #isLookedAt = false;
    #closing = new AbortController();
    /** The execution that the page's address names: `{ kind, name }`. */
    #visited;
    #hasPast = false;

    /** `followed`: `{kind, name}` of what is followed from the start. */
    constructor(causeway, followed) {
        this.#causeway = causeway;
        for (const { kind, name } of followed.slice(0, MOST_FOLLOWED)) this.#follow(kind, name);
        byId("follow").addEventListener(
            "submit",
            (event) => {
                event.preventDefault();
                this.#follow(byId("follow-kind").value, byId("follow-name").value.trim());
                byId("follow-name").value = "";
            },
            { signal: this.#closing.signal },
        );
        this.#attention = new Attention(() => this.#look(true), () => this.#look(false));
        this.#list.settle();
    }

    #look(isLookedAt) {
        this.#isLookedAt = isLookedAt;
        for (const follower of this.#followers.values()) {
            if (isLookedAt) {
                follower.start();
            } else {
                follower.pause();
                follower.view.say("paused", "Paused: another tab is visible");
            }
        }
    }

    #follow(kind, name) {
        const key = `${kind} ${name}`;
        if (!name || this.#followers.has(key)) return;
        // Evict the oldest.
        if (this.#followers.size === MOST_FOLLOWED) this.#leave(this.#followers.keys().next().value);
        const view = new ExecutionView(kind, name, { onLeave: () => this.#leave(key) });
        const follower = new Follower(this.#causeway, kind, name, view);
        this.#followers.set(key, follower);
        for (const gone of this.#list.prepend(view.row)) this.#jobs.delete(gone.dataset.name);
        if (this.#isLookedAt) follower.start();
    }

    #leave(key) {
        const follower = this.#followers.get(key);
        const hadFocus = follower.view.row.contains(document.activeElement);
        follower.pause();
        follower.view.row.remove();
        this.#followers.delete(key);
        this.#list.settle();
        if (hadFocus) byId("follow-name").focus();
    }

    /** Takes events from before the page was opened, the oldest first. */
    recall(records) {
        this.#hasPast = true;
        for (const record of records) this.take(record, true);
        this.#showVisited();
    }

    /** Opens an execution: follows an agent or a workflow by its name, or shows a job. */
    visit(kind, name) {
        this.#visited = name === undefined ? undefined : { kind, name };
        if (FOLLOWED.includes(kind) && name) this.#follow(kind, name);
        this.#showVisited()?.focus({ preventScroll: true });
    }

    leave() {
        this.visit();
    }

    /** Marks the execution that the page's address names, and returns its link. */
    #showVisited() {
        const { kind, name } = this.#visited ?? {};
        let found;
        for (const row of this.#list.items) {
            const link = row.querySelector("a.title");
            const isVisited = row.dataset.kind === kind && row.dataset.name === name;
            if (isVisited) link.setAttribute("aria-current", "true");
            else link.removeAttribute("aria-current");
            if (isVisited) found = link;
        }
        const isMissing = this.#visited && !found && this.#hasPast;
        setText(byId("executions-missing"), isMissing ? `Nothing is known of ${shown(kind, 40)} ${shown(name, 80)} in the last hour.` : "");
        found?.scrollIntoView({ block: "nearest" });
        return found;
    }

    take({ type, payload, at }, isNew) {
        if (!isNew) return;
        if (type === "job.updated" && typeof payload.job_id === "string") this.#job(payload, at);
        if (typeof payload.agentName === "string") this.#suggest(payload.agentName);
    }

    #job(payload, at) {
        const id = payload.job_id;
        if (!this.#jobs.has(id)) {
            const view = new ExecutionView("job", id);
            this.#jobs.set(id, view);
            this.#append(view.row);
        }
        this.#jobs.get(id).job(payload, at);
        if (this.#visited) this.#showVisited();
    }

    /** Jobs below followed executions, newest first; the oldest are evicted. */
    #append(row) {
        const followed = [...this.#followers.values()].map(({ view }) => view.row);
        const jobs = [row, ...this.#list.items.filter((item) => !followed.includes(item))];
        for (const gone of jobs.splice(MOST - followed.length)) this.#jobs.delete(gone.dataset.name);
        this.#list.show([...this.#list.items.filter((item) => followed.includes(item)), ...jobs]);
    }

    #suggest(agent) {
        if (this.#agents.has(agent) || this.#agents.size === MOST_SUGGESTED) return;
        this.#agents.add(agent);
        byId("agents-seen").append(element("option", { value: shown(agent, 300) }));
    }

    close() {
        this.#closing.abort();
        this.#attention.close();
        for (const follower of this.#followers.values()) follower.pause();
    }
}
