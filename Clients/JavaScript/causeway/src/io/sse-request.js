import { endingOfResponse, endingOfStream } from "../core/endings.js";
import { EventStreamParser } from "../core/event-stream-parser.js";
import { withQuery } from "../core/queries.js";
import { Turns } from "../core/turns.js";
import { nextTask } from "./clock.js";

/**
 * Opens a stream of server-sent events.
 *
 * @param {URL} url
 * @param {object} link What the connection gives: `ticket`, or `token` without tickets; `after`, and callbacks.
 * @param {(block: object, signal: AbortSignal) => object | undefined | Promise<object | undefined>} interpret Returns a block's update.
 * @param {(response: Response) => void} [begun] Is called with the response before the first block.
 */
export function openEventStream(url, link, interpret, begun = () => {}) {
    const abort = new AbortController();
    let retryAfter;
    const read = async () => {
        const headers = { Accept: "text/event-stream" };
        if (link.ticket === undefined) headers.Authorization = `Bearer ${link.token}`;
        if (link.after !== undefined) headers["Last-Event-ID"] = link.after;
        const response = await fetch(withQuery(new URL(url), { ticket: link.ticket }), { headers, cache: "no-store", signal: abort.signal });
        link.heard();
        if (response.status === 204) return { verdict: "end", reason: "completed" };
        if (response.status !== 200) return endingOfResponse(response);
        if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return { verdict: "retry", reason: "not_a_stream" };
        begun(response);
        const parser = new EventStreamParser();
        const turns = new Turns(() => performance.now(), nextTask);
        for (const reader = response.body.getReader(); ; ) {
            const { value, done } = await reader.read();
            if (done) return { verdict: "retry", reason: "closed", retryAfter };
            link.heard();
            for (const block of parser.feed(value)) {
                retryAfter = block.retry ?? retryAfter;
                if (block.type === "stream.end" && block.data !== null) return endingOfStream(JSON.parse(block.data).reason, retryAfter);
                link.live();
                const update = await interpret(block, abort.signal);
                if (update) link.publish(update);
                await turns.pause();
            }
        }
    };
    read()
        .catch((error) => ({ verdict: "retry", reason: "network", retryAfter, error: abort.signal.aborted ? undefined : error }))
        .then((ending) => {
            abort.abort();
            link.ended(ending);
        });
    return { close: () => abort.abort() };
}
