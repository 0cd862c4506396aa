// One name with its value, as an entry of a `dl` of facts.

import { element, foreign } from "../dom.js";

export function fact(name, value) {
    return element("div", {}, element("dt", { text: name }), foreign("dd", value));
}
