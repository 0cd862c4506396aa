// Code as an element: every character where it stands, with marks for those that nobody would see.

import { element } from "./dom.js";
import { parts } from "./visible.js";

/** Shows a text in a `code` element. */
export function setCode(target, text) {
    target.replaceChildren(...parts(text).parts.map((part) => part.text ?? element("mark", { text: part.mark })));
}
