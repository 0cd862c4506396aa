// Moves the focus through the list that somebody works with, and answers the approval that has it.

import { byId } from "../dom.js";
import { stepped } from "./commands.js";

const ITEMS = ".item, tbody tr, .step";

/** Moves the focus to the next item of the list that has it, or of the first list that has items. `step`: 1 or -1. */
export function move(step) {
    const focused = document.activeElement?.closest(ITEMS);
    const items = itemsOf(focused?.closest(".panel")) ?? firstItems();
    const item = items?.[stepped(items.length, items.indexOf(focused), step)];
    target(item)?.focus();
    item?.scrollIntoView({ block: "nearest" });
}

/** Opens the dialog for an answer to the approval that has the focus, or to the only one that is listed. Returns why it does not; empty if it does. */
export function answer(action) {
    const cards = (itemsOf(byId("approvals")) ?? []).filter((card) => !card.dataset.outcome);
    const card = document.activeElement?.closest(".approval") ?? (cards.length === 1 ? cards[0] : undefined);
    if (!card) return cards.length ? "Choose an approval first, with j and k." : "No pending approvals.";
    const button = card.querySelector(`button.${action}`);
    if (!button) return "You cannot answer this approval.";
    if (button.disabled) return "Its deadline has passed.";
    // The focus comes back to it when the dialog is closed.
    button.focus();
    button.click();
    return "";
}

function firstItems() {
    for (const panel of document.querySelectorAll("#main .panel")) {
        const items = itemsOf(panel);
        if (items) return items;
    }
    return undefined;
}

/** The visible items of a panel, in the document's order; undefined without any. */
function itemsOf(panel) {
    const items = [...(panel?.querySelectorAll(ITEMS) ?? [])].filter((item) => item.getClientRects().length > 0 && target(item));
    return items.length ? items : undefined;
}

/** What of an item takes the focus: not an approval's first button, which would be Approve. */
function target(item) {
    return item?.querySelector(".toggle") ?? item?.querySelector("a, button");
}
