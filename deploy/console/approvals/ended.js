// The approvals that have ended, below the pending ones: first those that people have decided, then those that expired, each the latest first.

import { Choice } from "../choice.js";
import { byId, List } from "../dom.js";
import { counted } from "../format.js";
import { byDecision, isExpired } from "./order.js";

/** Maximum number of approvals that people have decided, and of those that expired. */
const MOST = 20;

export class Ended {
    #panel = byId("decided");
    #list = new List(this.#panel, 2 * MOST + 1);
    #choice = new Choice(byId("decided-choice"), "approvals", { all: "All", decided: "Decided by people", expired: "Expired" });

    /** Chooses what `show` shows: `all`, which is the usual one, `decided` or `expired`. */
    choose(part) {
        this.#choice.choose(part);
    }

    /**
     * Shows the latest of them. `visited`: the id of one that is shown in any case. `rowOf(approval)`: its row. Returns those that are kept, shown or not.
     */
    show(approvals, visited, rowOf) {
        const isVisited = ({ approvalId }) => approvalId === visited;
        const sorted = [...approvals].sort(byDecision);
        const latest = (part) => part.filter((one, place) => place < MOST || isVisited(one));
        const kept = [...latest(sorted.filter((one) => !isExpired(one))), ...latest(sorted.filter(isExpired))];
        const { chosen } = this.#choice;
        const shown = kept.filter((one) => chosen === "all" || isExpired(one) === (chosen === "expired") || isVisited(one));
        this.#list.show(shown.map(rowOf));
        const hidden = kept.length - shown.length;
        const kind = chosen === "expired" ? "decided" : "expired";
        this.#choice.tellHidden(hidden ? counted(hidden, `${kind} one is hidden`, `${kind} ones are hidden`) : "");
        this.#panel.hidden = kept.length === 0;
        return kept;
    }
}
