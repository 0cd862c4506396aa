import assert from "node:assert/strict";
import test from "node:test";

import { findings, memberText, pretty } from "../../deploy/console/approvals/action-text.js";
import { canonical, digestOf } from "../../deploy/console/approvals/digest.js";
import { parts, visible } from "../../deploy/console/visible.js";

test("a member is found as it is spelled", () => {
    assert.equal(memberText('{"action":{"a":[1.0,{"action":"}"}]},"b":2}', "action"), '{"a":[1.0,{"action":"}"}]}');
    assert.equal(memberText('{ "x" : "action" , "action" : 1e2 }', "action"), "1e2");
    assert.equal(memberText('{"b":{"action":1},"\\u0061ction":"\\"quoted\\\\"}', "action"), '"\\"quoted\\\\"');
    assert.equal(memberText('{"action":null}', "action"), "null");
    assert.equal(memberText('{"a":[]}', "action"), undefined);
    assert.equal(memberText("{}", "action"), undefined);
});

test("indenting changes blanks and needless escapes alone", () => {
    const action = '{"b":1.0,"a":[],"c":{},"d":[1,{"e":"caf\\u00e9\\n"}],"big":12345678901234567890,"f":null}';
    const indented = pretty(action);
    assert.equal(
        indented,
        '{\n  "b": 1.0,\n  "a": [],\n  "c": {},\n  "d": [\n    1,\n    {\n      "e": "café\\n"\n    }\n  ],\n  "big": 12345678901234567890,\n  "f": null\n}',
    );
    assert.deepEqual(JSON.parse(indented), JSON.parse(action));
    assert.equal(pretty("7"), "7");
    assert.equal(pretty('"{a:[1]}"'), '"{a:[1]}"');
    assert.equal(pretty("[[[]]]"), "[\n  [\n    []\n  ]\n]");
});

test("a long text is read in one go", () => {
    const action = JSON.stringify({ script: "x\\".repeat(100_000), n: Array(1000).fill(1) });
    assert.equal(memberText(`{"a":1,"action":${action}}`, "action"), action);
    assert.deepEqual(JSON.parse(pretty(action)), JSON.parse(action));
});

test("hidden characters become marks, which a text that spells the same does not", () => {
    assert.deepEqual(parts("rm \u202Efdp.\u2066x"), {
        parts: [{ text: "rm " }, { mark: "U+202E" }, { text: "fdp." }, { mark: "U+2066" }, { text: "x" }],
        hidden: 2,
    });
    assert.deepEqual(parts("rm U+202E"), { parts: [{ text: "rm U+202E" }], hidden: 0 });
    // Neighbours share a mark.
    assert.deepEqual(parts("\u200B\u00A0a"), { parts: [{ mark: "U+200B U+00A0" }, { text: "a" }], hidden: 2 });
    for (const hidden of ["\u0000", "\u001B", "\u007F", "\u00AD", "\u034F", "\u061C", "\u180E", "\u2028", "\u2800", "\u3000", "\u3164", "\uFE0F", "\uFEFF"]) {
        assert.equal(parts(`a${hidden}b`).hidden, 1, hidden.codePointAt(0).toString(16));
    }
    assert.equal(parts("a\u{E0041}b").parts[1].mark, "U+E0041");
    assert.equal(parts("a\uD800b").parts[1].mark, "U+D800");
    for (const harmless of ["plain", "a\n\tb", "Grüße", "💣", "日本", "שלום"]) assert.deepEqual(parts(harmless), { parts: [{ text: harmless }], hidden: 0 });
});

test("blanks do not push the rest out of sight", () => {
    assert.deepEqual(parts(`a${" ".repeat(5000)}b${"\n".repeat(40)}c`).parts, [
        { text: "a" },
        { mark: "5000 spaces" },
        { text: "b" },
        { mark: "40 line breaks" },
        { text: "c" },
    ]);
    assert.equal(parts(`a${" ".repeat(5000)}b`).hidden, 0);
    // The indentation of 64 levels is no such run unless it is that long.
    assert.deepEqual(parts(`${" ".repeat(15)}a`).parts, [{ text: `${" ".repeat(15)}a` }]);
});

test("the number of marks has a bound, and nothing is left out", () => {
    const { parts: found, hidden } = parts("a\u200B".repeat(2000));
    assert.equal(hidden, 2000);
    assert.equal(found.filter(({ mark }) => mark).length, 500);
    assert.match(found.at(-1).text, /^(a⟨U\+200B⟩)+$/);
});

test("prose keeps what emoji and scripts are spelled with", () => {
    assert.equal(visible("\u202Etxt\u0000"), "⟨202E⟩txt⟨0000⟩");
    assert.equal(visible("👨\u200D👩\u200D👧 ❤\uFE0F 10\u00A0%"), "👨\u200D👩\u200D👧 ❤\uFE0F 10\u00A0%");
});

test("a reader is told what could be overlooked", () => {
    assert.deepEqual(findings('{"a":1}', 0), []);
    assert.match(findings('{"a":1}', 1)[0], /1 invisible character,/);
    const [letters] = findings('{"host":"pr\\u043ed"}', 0);
    assert.match(letters, /о \(U\+043E\)/);
    const [number] = findings('{"n":12345678901234567890}', 0);
    assert.match(number, /12345678901234567890 .* 12345678901234567000/);
    assert.deepEqual(findings('{"n":-42,"m":9007199254740991,"x":0.1,"huge":1e300}', 0), []);
});

test("the digest is that of RFC 8785", async () => {
    const value = JSON.parse('{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}');
    assert.equal(
        canonical(value),
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    // UTF-16 code units, not code points.
    assert.equal(canonical(JSON.parse('{"\\ufb33":1,"\\ud83d\\ude00":2,"1":3,"\\r":4}')), '{"\\r":4,"1":3,"\ud83d\ude00":2,"\ufb33":1}');
    assert.equal(canonical(JSON.parse('{"__proto__":{"b":1}}')), '{"__proto__":{"b":1}}');
    // printf '{"replicas":8,"tool":"scale"}' | sha256sum
    const expected = "sha256:a6ac3f74b61c00294a9b56e707129a60852c078e6e1d986e391220b96e77347e";
    const spelled = ['{"tool":"scale","replicas":8}', '{ "replicas" : 8.0, "tool":"sc\\u0061le" }'];
    const digests = await Promise.all(spelled.map(digestOf));
    assert.equal(digests[0], digests[1]);
    assert.equal(digests[0], expected);
});
