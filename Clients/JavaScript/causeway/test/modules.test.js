import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import * as library from "../src/causeway.js";

const SOURCES = new URL("../src/", import.meta.url);
const read = (name) => readFileSync(new URL(name, SOURCES), "utf8");

/** A source without comments. */
const codeOf = (text) => text.replace(/\/\*.*?\*\//gs, "").replace(/\/\/.*/g, "");
const DECLARATIONS = codeOf(read("causeway.d.ts"));

/** What the declarations say of a class: the name that it extends, and the names of its members. */
function declaredClass(name) {
    const [, parent, body] = new RegExp(`^export class ${name}(?: extends (\\w+))? \\{\n(.*?)^\\}`, "ms").exec(DECLARATIONS);
    const members = [...body.matchAll(/^ {4}(?:get )?(\[Symbol\.asyncIterator\]|\w+)[(<:]/gm)].map(([, member]) => member);
    return { parent, members: new Set(members.filter((member) => member !== "constructor")) };
}

/** The public names of a class's prototype. */
function membersOf(type) {
    const keys = Reflect.ownKeys(type.prototype).map((key) => (typeof key === "symbol" ? `[${key.description}]` : key));
    return keys.filter((key) => key !== "constructor" && !key.startsWith("_"));
}

test("the declarations name what the entry exports, and nothing else", () => {
    const declared = [...DECLARATIONS.matchAll(/^export (class|function|const) (\w+)/gm)].map(([, kind, name]) => [name, kind]);
    assert.deepEqual(declared.map(([name]) => name).sort(), Object.keys(library).sort());
    for (const [name, kind] of declared) {
        const isClass = codeOf(`${library[name]}`).startsWith("class ");
        assert.equal(isClass ? "class" : "function", kind, name);
    }
});

test("the declarations have every public member of the classes, and no other", () => {
    for (const [name, type] of Object.entries(library)) {
        if (!`${type}`.startsWith("class ")) continue;
        const { parent, members } = declaredClass(name);
        assert.equal(parent, Object.getPrototypeOf(type).name || undefined, name);
        const own = new Set(membersOf(type));
        // Listeners are declared with the types of their events; the properties of an error are made by its constructor.
        const inherited = parent === "EventTarget" ? membersOf(EventTarget) : [];
        const made = parent === "Error" ? Object.keys(new type("code", "message", {})) : [];
        for (const member of own) assert.ok(members.has(member), `${name}.${member} is not declared`);
        for (const member of members) assert.ok([...own, ...inherited, ...made].includes(member), `${name} has no ${member}`);
    }
});

test("the types that the sources refer to are declared", () => {
    const referred = modules().flatMap((name) => [...read(name).matchAll(/import\("[./]+causeway\.js"\)\.(\w+)/g)].map(([, type]) => type));
    assert.ok(referred.length > 0);
    for (const type of referred) assert.match(DECLARATIONS, new RegExp(`^export (interface|type) ${type}\\b`, "m"));
});

const FORBIDDEN = /\b(fetch|WebSocket|BroadcastChannel|navigator|document|globalThis|window|location|setTimeout|setInterval|crypto)\b/;

test("the core needs no network, no timers and no browser", () => {
    const core = modules().filter((name) => name.startsWith("core/"));
    assert.ok(core.length > 10);
    for (const name of core) {
        const code = codeOf(read(name)).replace(/"[^"\n]*"/g, '""');
        const [found] = FORBIDDEN.exec(code) ?? [];
        assert.equal(found, undefined, `${name} uses ${found}`);
        for (const [, from] of read(name).matchAll(/ from "(.*?)"/g)) assert.match(from, /^\.\/[a-z-]+\.js$/, `${name} imports ${from}`);
    }
});

test("every module is reached from the entry, and imports relative files alone", () => {
    const reached = new Set();
    const follow = (url) => {
        if (reached.has(url.href)) return;
        reached.add(url.href);
        for (const [, from] of readFileSync(url, "utf8").matchAll(/^(?:import|export) .* from "(.*?)";$/gm)) {
            assert.match(from, /^\.{1,2}\/.*\.js$/, `${url} imports ${from}`);
            follow(new URL(from, url));
        }
    };
    follow(new URL("causeway.js", SOURCES));
    assert.deepEqual(modules().filter((name) => !reached.has(new URL(name, SOURCES).href)), []);
});

test("the package names files that exist, and has no dependencies", () => {
    const manifest = JSON.parse(read("../package.json"));
    assert.equal(manifest.private, true);
    assert.equal(manifest.type, "module");
    assert.deepEqual(Object.keys(manifest).filter((key) => /dependencies/i.test(key)), []);
    for (const file of [manifest.types, ...Object.values(manifest.exports["."])]) assert.ok(read(`../${file}`));
});

/** The modules' names, relative to `src/`. */
function modules() {
    return ["", "core/", "io/"].flatMap((folder) => readdirSync(new URL(`./${folder}`, SOURCES))
        .filter((name) => name.endsWith(".js")).map((name) => folder + name));
}
