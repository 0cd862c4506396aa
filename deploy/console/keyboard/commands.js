// The keys of the page and what they do.

/** Keys without modifiers, in the order of the help. They can be turned off: people who dictate type them by accident. */
export const SINGLE = [
    { key: "j", command: "next", text: "Next in the list" },
    { key: "k", command: "previous", text: "Previous in the list" },
    { key: "a", command: "approve", text: "Approve the approval that has the focus: opens the dialog" },
    { key: "r", command: "reject", text: "Reject it: opens the dialog" },
    { key: "/", command: "search", text: "Search events" },
    { key: "?", command: "help", text: "This help" },
];

/**
 * Returns the command of a keydown event; undefined for others. `isTyping`: a field has the focus. `isModal`: a dialog is open, in which no key has
 * a second meaning. `isOn`: whether single keys are turned on.
 */
export function commandOf({ key, ctrlKey, metaKey, altKey, shiftKey, isComposing, repeat }, { isTyping, isModal, isOn }) {
    if (isComposing || isModal) return undefined;
    if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === "k") return "palette";
    if (ctrlKey || metaKey || altKey || isTyping || !isOn) return undefined;
    const command = SINGLE.find((one) => one.key === key)?.command;
    // A key that is held down moves on, and opens nothing twice.
    return repeat && command !== "next" && command !== "previous" ? undefined : command;
}

/** The place in a list of so many after a step from `current`; -1 for none. At its ends it stays. */
export function stepped(count, current, step) {
    if (count === 0) return -1;
    if (current < 0) return step > 0 ? 0 : count - 1;
    return Math.min(count - 1, Math.max(0, current + step));
}
