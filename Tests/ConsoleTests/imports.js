// The console's modules by what imports them. `node imports.js` writes the list of modules to preload into index.html.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const CONSOLE = new URL("../../deploy/console/", import.meta.url);
const PAGE = new URL("index.html", CONSOLE);
const STATIC = /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?\s*"([^"]+)";/gm;
const LINK = /^ *<link rel="modulepreload" fetchpriority="low" href="([^"]+)">\n/gm;

/** The paths of all modules that `entry` imports statically, itself first, in the order in which a browser finds them. */
export function modulesOf(entry) {
    const found = new Set([entry]);
    for (const path of found) {
        const file = new URL(path, CONSOLE);
        for (const [, specifier] of readFileSync(file, "utf8").matchAll(STATIC)) {
            found.add(new URL(specifier, file).href.slice(CONSOLE.href.length));
        }
    }
    return [...found];
}

/** The paths that a page preloads. */
export function preloadedBy(page) {
    return Array.from(page.matchAll(LINK), ([, path]) => path);
}

/** Returns the page with one link for each module of its entry, above the entry's script. */
export function withPreloads(page) {
    const links = modulesOf("console.js").slice(1).map((path) => `    <link rel="modulepreload" fetchpriority="low" href="${path}">\n`).join("");
    return page.replaceAll(LINK, "").replace(/^ *<script type="module"/m, (script) => links + script);
}

/** The text of index.html. */
export function readPage() {
    return readFileSync(PAGE, "utf8");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(PAGE, withPreloads(readPage()));
