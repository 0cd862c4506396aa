import { CausewayError } from "../core/errors.js";
import { compareExecutionPlaces, executionPlace, FINAL_TYPES, idOfPlace, runOfHeader, runOfPlace } from "../core/execution-places.js";
import { withQuery } from "../core/queries.js";
import { eventUpdate, gapUpdate, isStanding, standingOf } from "../core/updates.js";
import { openEventStream } from "./sse-request.js";

/** An execution stream, over server-sent events. */
export class ExecutionProtocol {
    name = "execution";
    compare = compareExecutionPlaces;
    idOf = idOfPlace;
    /** Without a position the stream begins at the execution's first event. */
    beginning = "";
    #url;
    #execution;

    constructor(origin, kind, name, execution, wait) {
        this.key = [this.name, kind, name, execution ?? null, wait];
        this.#execution = execution;
        const path = `/api/streaming/${kind}/${encodeURIComponent(name)}/stream`;
        this.#url = withQuery(new URL(path, origin), { wait: wait ? "true" : undefined });
    }

    open(link) {
        let run = runOfPlace(link.after) ?? this.#execution;
        const url = withQuery(new URL(this.#url), { execution: run });
        let sawFinalEvent = false;
        let last = link.after;
        const after = link.after === undefined ? undefined : idOfPlace(link.after);
        const ended = (ending) => link.ended(sawFinalEvent ? { verdict: "end", reason: "completed" } : ending);
        const begun = (response) => (run = runOf(response) ?? run);
        return openEventStream(url, { ...link, after, ended }, async ({ type, id, data }, signal) => {
            if (data === null) return undefined;
            if (type === "stream.gap") return gapUpdate({ ...JSON.parse(data), id: null });
            if (isStanding(type)) return standingOf(type);
            // The server repeats no event: an id that is not higher begins another execution.
            const restarts = Number(id) <= Number(idOfPlace(last));
            if (restarts || run === undefined) run = await this.#currentRun(link.token, signal);
            sawFinalEvent = FINAL_TYPES.has(type);
            last = executionPlace(id, run);
            const update = { ...eventUpdate(this.name, id, type, JSON.parse(data), null), restarts, place: last };
            if (run !== undefined) update.detail.execution = run;
            return update;
        }, begun);
    }

    /** Asks the server for the current execution: a stream's response names only the one that ran when it was opened. */
    async #currentRun(token, signal) {
        const headers = { Authorization: `Bearer ${token}` };
        const response = await fetch(this.#url, { method: "HEAD", headers, cache: "no-store", signal });
        if (response.status !== 200) throw new CausewayError(`http_${response.status}`, "which execution has begun could not be learned");
        return runOf(response);
    }
}

function runOf(response) {
    return runOfHeader(response.headers.get("Causeway-Execution"));
}
