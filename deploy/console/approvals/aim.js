// Whether somebody aims at an area: a pointer is over it, a finger has just touched it, or the focus is in it.

/** A finger does not hover: for this time in milliseconds after a touch the next one is expected at the same place. */
const TOUCH = 4000;

export class Aim {
    #area;
    #control;
    #onBegin;
    #onEnd;
    #isOver = false;
    /** Whether the last aim was that of a pointer, not of the keyboard. */
    #isByPointer = false;
    #touchedUntil = 0;
    #isHeld = false;

    /** `control`: an element outside of the area that belongs to it for the keyboard. `onBegin` and `onEnd` are called in turn. */
    constructor(area, control, onBegin, onEnd) {
        this.#area = area;
        this.#control = control;
        this.#onBegin = onBegin;
        this.#onEnd = onEnd;
        for (const type of ["pointerenter", "pointermove"]) {
            area.addEventListener(type, ({ pointerType }) => {
                this.#isByPointer = true;
                if (this.#isOver || pointerType === "touch") return;
                this.#isOver = true;
                this.#look();
            });
        }
        area.addEventListener("pointerleave", () => {
            this.#isOver = false;
            this.#lookSoon();
        });
        area.addEventListener("pointerdown", ({ pointerType }) => pointerType === "touch" && this.#touched());
        area.addEventListener("keydown", () => (this.#isByPointer = false));
        for (const element of [area, control]) {
            element.addEventListener("focusin", () => this.#look());
            element.addEventListener("focusout", () => this.#lookSoon());
        }
    }

    get isHeld() {
        return this.#isHeld;
    }

    /** Ends it, as somebody wants to see what waits. It begins again with the next movement or focus. */
    release() {
        this.#isOver = false;
        this.#touchedUntil = 0;
        this.#look();
    }

    /** Looks at the focus again: an element that is removed or disabled loses it without an event. */
    refresh() {
        this.#look();
    }

    /** The element of `candidates` to keep in its place: the one below the pointer or the one with the focus, by what was used last. */
    target(candidates) {
        const pointed = candidates.find((one) => one.matches(":hover"));
        const focused = candidates.find((one) => one.contains(document.activeElement));
        return this.#isByPointer ? (pointed ?? focused) : (focused ?? pointed);
    }

    #touched() {
        this.#touchedUntil = Date.now() + TOUCH;
        setTimeout(() => this.#look(), TOUCH + 1);
        this.#look();
    }

    /** When the focus moves, it is nowhere for a moment. */
    #lookSoon() {
        setTimeout(() => this.#look(), 0);
    }

    #look() {
        const hasFocus = [this.#area, this.#control].some((element) => element.contains(document.activeElement));
        const isHeld = this.#isOver || Date.now() < this.#touchedUntil || hasFocus;
        if (isHeld === this.#isHeld) return;
        this.#isHeld = isHeld;
        if (isHeld) this.#onBegin();
        else this.#onEnd();
    }
}

/** Changes a list such that `anchor` stays where it is on the screen: what the list grew above it is scrolled away. */
export function inPlace(anchor, scroller, change) {
    const top = anchor?.getBoundingClientRect().top;
    change();
    if (!anchor?.isConnected) return;
    const moved = () => anchor.getBoundingClientRect().top - top;
    if (moved()) scroller.scrollTop += moved();
    if (moved()) window.scrollBy(0, moved());
}
