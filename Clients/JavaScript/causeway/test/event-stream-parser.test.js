import assert from "node:assert/strict";
import test from "node:test";

import { EventStreamParser } from "../src/core/event-stream-parser.js";

const encode = (text) => new TextEncoder().encode(text);

function parse(...chunks) {
    const parser = new EventStreamParser();
    return chunks.flatMap((chunk) => parser.feed(typeof chunk === "string" ? encode(chunk) : chunk));
}

const block = (fields) => ({ type: "message", data: null, id: null, retry: null, ...fields });

const STREAM = `\ufeff: a comment\r
event: a.b\r\ndata: {"text":"ä€🚀"}\nid: evt_1\r\rdata: one\rdata:two\ndata\nid: with\0nul\nretry: 250\n\nretry: 2s
event
data:  leads with a space\nunknown: field\n\nid\n\ndata: never ends`;

const BLOCKS = [
    block({ type: "a.b", data: '{"text":"ä€🚀"}', id: "evt_1" }),
    block({ data: "one\ntwo\n", retry: 250 }),
    block({ data: " leads with a space" }),
    block({ id: "" }),
];

test("chunks may end anywhere", () => {
    const bytes = encode(STREAM);
    const expected = JSON.stringify(BLOCKS);
    assert.deepEqual(parse(bytes), BLOCKS);
    assert.deepEqual(parse(...[...bytes].map((byte) => Uint8Array.of(byte))), BLOCKS);
    for (let first = 0; first <= bytes.length; first++) {
        for (let second = first; second <= bytes.length; second++) {
            const blocks = parse(bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second));
            if (JSON.stringify(blocks) !== expected) assert.deepEqual(blocks, BLOCKS, `cut at ${first} and ${second}`);
        }
    }
});

test("all three line endings end a line, and a pair ends one", () => {
    for (const end of ["\n", "\r", "\r\n"]) assert.deepEqual(parse(["data: a", "data: b", "", ""].join(end)), [block({ data: "a\nb" })]);
    assert.deepEqual(parse("data: a\r", "\ndata: b\n\n"), [block({ data: "a\nb" })]);
    assert.deepEqual(parse("data: a\r", "\r", "data: b\n\n"), [block({ data: "a" }), block({ data: "b" })]);
});

test("the type is message if the field is missing or empty, and is of one block only", () => {
    const blocks = parse("event: ping\ndata\n\nevent:\ndata\n\ndata\n\n");
    assert.deepEqual(blocks.map(({ type }) => type), ["ping", "message", "message"]);
});

test("blocks without data are returned, empty ones are not", () => {
    assert.deepEqual(parse("id: 5\n\nretry: 1000\n\nevent: ping\n\n:comment\n\n\n"), [
        block({ id: "5" }), block({ retry: 1_000 }), block({ type: "ping" }),
    ]);
});

test("a retry that is no number and an id with a null character are ignored", () => {
    assert.deepEqual(parse("retry: -1\nretry: 1.5\nretry: 1e3\nid: a\0b\ndata: x\n\n"), [block({ data: "x" })]);
});

test("a line that does not end is an error", () => {
    const parser = new EventStreamParser();
    const chunk = encode("x".repeat(1024 * 1024));
    assert.throws(() => { for (let n = 0; n < 9; n++) parser.feed(chunk); }, { code: "line_too_long" });
});
