import { CausewayError } from "./errors.js";

/** Maximum length of a line, in characters. Payloads have at most 256 KiB, so a longer line is a fault of the server. */
const LINE_CHARACTERS = 8 * 1024 * 1024;

/**
 * Parses an event stream as the HTML standard defines it, from chunks that may end anywhere.
 *
 * A block is `{ type, data, id, retry }`, with null for a field that no line set; `type` is `message` by default. Blocks without data,
 * for which a browser's EventSource dispatches no event, are returned, too.
 */
export class EventStreamParser {
    #decoder = new TextDecoder();
    #rest = "";
    #skipsLineFeed = false;
    #block = EventStreamParser.#emptyBlock();

    static #emptyBlock() {
        return { type: "message", data: null, id: null, retry: null };
    }

    /**
     * @param {Uint8Array} bytes
     * @returns {{ type: string, data: string | null, id: string | null, retry: number | null }[]} The blocks that these bytes complete.
     */
    feed(bytes) {
        let text = this.#decoder.decode(bytes, { stream: true });
        if (text === "") return [];
        // The last chunk ended between the two characters of a line ending.
        if (this.#skipsLineFeed && text.startsWith("\n")) text = text.slice(1);
        this.#skipsLineFeed = text.endsWith("\r");
        const lines = text.split(/\r\n|\r|\n/);
        lines[0] = this.#rest + lines[0];
        this.#rest = lines.pop();
        if (this.#rest.length > LINE_CHARACTERS) throw new CausewayError("line_too_long", "a line of the stream does not end");
        const blocks = [];
        for (const line of lines) {
            if (line !== "") {
                this.#read(line);
                continue;
            }
            const { type, data, id, retry } = this.#block;
            if (data !== null || id !== null || retry !== null || type !== "message") blocks.push(this.#block);
            this.#block = EventStreamParser.#emptyBlock();
        }
        return blocks;
    }

    #read(line) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        const block = this.#block;
        switch (field) {
            case "event":
                block.type = value || "message";
                break;
            case "data":
                block.data = block.data === null ? value : `${block.data}\n${value}`;
                break;
            case "id":
                if (!value.includes("\0")) block.id = value;
                break;
            case "retry":
                if (/^[0-9]+$/.test(value)) block.retry = Number(value);
        }
    }
}
