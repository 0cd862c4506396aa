// Follows an agent or a workflow from run to run while the tab is visible.

/** Polling interval for the next run. */
const PACE = 3000;
const PATHS = { agent: "agents", workflow: "workflows" };

export class Follower {
    #causeway;
    #kind;
    #name;
    #stream;
    #timer;
    #run;
    /** Counts starts and pauses, so that answers to earlier requests are ignored. */
    #turn = 0;

    constructor(causeway, kind, name, view) {
        this.#causeway = causeway;
        this.#kind = kind;
        this.#name = name;
        this.view = view;
    }

    /** Shows the current run from its first event, or waits for one. */
    start() {
        this.pause();
        this.#follow();
    }

    pause() {
        this.#turn += 1;
        clearTimeout(this.#timer);
        this.#stream?.close();
        this.#stream = undefined;
    }

    #follow() {
        const stream = this.#causeway.execution(this.#kind, this.#name, { wait: true });
        this.#stream = stream;
        this.view.begin();
        stream.addEventListener("event", ({ detail }) => {
            if (this.#stream !== stream) return;
            this.#run = detail.execution;
            this.view.event(detail.type, detail.data, detail.receivedAt);
        });
        stream.addEventListener("state", ({ detail }) => {
            if (this.#stream !== stream || detail.state !== "ended") return;
            this.#stream = undefined;
            if (detail.reason === "completed") void this.#await();
            else this.view.say("ended", detail.reason);
        });
    }

    /** Polls for the next run: the header of an empty response names it. */
    async #await() {
        const turn = this.#turn;
        const run = await this.#currentRun();
        if (turn !== this.#turn) return;
        // No event has named the one that was followed: this is it.
        this.#run ??= run;
        if (run && run !== this.#run) return this.#follow();
        this.#timer = setTimeout(() => void this.#await(), PACE);
    }

    async #currentRun() {
        const path = `/api/streaming/${PATHS[this.#kind]}/${encodeURIComponent(this.#name)}/stream`;
        try {
            const answer = await this.#causeway.fetch(path, { method: "HEAD" });
            return decodeURIComponent(answer.headers.get("Causeway-Execution") ?? "");
        } catch {
            return undefined;
        }
    }
}
