// The dialog that says what the keys do, and turns single keys off.

import { byId, element } from "../dom.js";
import { SINGLE } from "./commands.js";

export class Help {
    #dialog;
    #box = element("input", { type: "checkbox", id: "keys-on" });

    /** `setting`: `isOn`, whether single keys are turned on. */
    constructor(setting) {
        const close = element("button", { type: "button", class: "primary", text: "Close" });
        const row = (keys, text) => element("tr", {}, element("td", {}, ...keys.map((key) => element("kbd", { text: key }))), element("td", { text }));
        this.#dialog = element(
            "dialog",
            { id: "keys", "aria-labelledby": "keys-heading" },
            element("h2", { id: "keys-heading", text: "Keyboard", tabindex: "-1" }),
            element(
                "table",
                { class: "keys" },
                element("caption", { class: "unseen", text: "Keys and what they do" }),
                element("thead", { class: "unseen" }, element("tr", {}, element("th", { scope: "col", text: "Key" }), element("th", { scope: "col", text: "Does" }))),
                element(
                    "tbody",
                    {},
                    row(["Ctrl", "K"], "Command palette: go to a section, an incident, an approval, or an id (⌘ K on a Mac)"),
                    ...SINGLE.map(({ key, text }) => row([key], text)),
                    row(["Enter"], "Open what has the focus"),
                    row(["Esc"], "Close a dialog"),
                ),
            ),
            element("label", { class: "check", for: "keys-on" }, this.#box, "Use keys without Ctrl"),
            element("div", { class: "buttons" }, close),
        );
        byId("console").append(this.#dialog);
        close.addEventListener("click", () => this.#dialog.close());
        this.#box.addEventListener("change", () => (setting.isOn = this.#box.checked));
        this.#box.checked = setting.isOn;
    }

    open() {
        this.#dialog.showModal();
        byId("keys-heading").focus();
    }
}
