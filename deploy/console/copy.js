// A button that copies a text.

import { element, setText } from "./dom.js";

/** For this time in milliseconds the button says what became of it. */
const TOLD = 2000;

/** `text`: what is copied, or a function that returns it. `name`: the same for people who do not see where the button stands. */
export function copyButton(text, name) {
    const button = element("button", { type: "button", class: "quiet copy", text: "Copy", "aria-label": `Copy ${name}` });
    let timer;
    button.addEventListener("click", async () => {
        const isCopied = await copied(typeof text === "function" ? text() : text);
        clearTimeout(timer);
        setText(button, isCopied ? "Copied" : "Not copied");
        button.setAttribute("aria-label", isCopied ? `Copied ${name}` : `The browser does not let this page copy ${name}`);
        timer = setTimeout(() => {
            setText(button, "Copy");
            button.setAttribute("aria-label", `Copy ${name}`);
        }, TOLD);
    });
    return button;
}

async function copied(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        // Insecure origins have no clipboard.
        return false;
    }
}
