// Connection log: losses with their reason and next retry, and returns.

import { byId, element, List } from "./dom.js";
import { clock } from "./format.js";

const MOST = 60;

export class Journal {
    #list = new List(byId("journal"), MOST);

    tell(lane, title, text, kind) {
        this.#list.prepend(
            element(
                "li",
                { class: `entry lane-${lane}`, data: { lane, kind } },
                element("time", { class: "figures muted", text: clock(Date.now()) }),
                element("span", {}, element("b", { text: title }), `: ${text}.`),
            ),
        );
    }
}
