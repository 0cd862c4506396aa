// What the page asks about webhooks: settings, where a replay begins, and whether to go on. And the secret, which is shown once.

import { byId, setText, shown } from "../dom.js";
import { Modal } from "../modal.js";
import { beginning, settingsOf } from "./texts.js";

/** Asks for the settings of an endpoint. */
export class SettingsDialog {
    #modal = new Modal("endpoint", () => this.#onSubmit(this.#settings()));
    #onSubmit;

    /** `endpoint`: what the fields begin with; undefined for another one. `onSubmit(settings)`: saves; what it throws is shown. */
    open(endpoint, onSubmit) {
        this.#onSubmit = onSubmit;
        setText(byId("endpoint-heading"), endpoint ? "Edit the webhook" : "Create a webhook");
        setText(byId("endpoint-submit"), endpoint ? "Save" : "Create");
        const { url = "", types = [], description, user, ordered = true } = endpoint ?? {};
        byId("endpoint-url").value = url;
        byId("endpoint-types").value = types.join(", ");
        byId("endpoint-description").value = description ?? "";
        byId("endpoint-user").value = user ?? "";
        byId("endpoint-ordered").checked = ordered;
        this.#modal.open();
        byId("endpoint-url").focus();
    }

    #settings() {
        const value = (name) => byId(`endpoint-${name}`).value;
        return settingsOf({
            url: value("url"),
            types: value("types"),
            description: value("description"),
            user: value("user"),
            ordered: byId("endpoint-ordered").checked,
        });
    }
}

/** Asks where a replay begins. */
export class ReplayDialog {
    #modal = new Modal("replay", () => this.#onSubmit(this.#beginning()));
    #onSubmit;

    constructor() {
        // Filling in a field selects its choice.
        byId("replay-event").addEventListener("input", () => (byId("replay-by-event").checked = true));
        byId("replay-time").addEventListener("input", () => (byId("replay-by-time").checked = true));
    }

    /** `from`: an event's id that is offered. `onSubmit(beginning)`: goes on; what it throws is shown. */
    open(endpoint, from, onSubmit) {
        this.#onSubmit = onSubmit;
        const name = shown(endpoint.description || endpoint.url, 120);
        setText(byId("replay-what"), `${name} gets the events from there on again. You see how many before they are sent.`);
        byId("replay-by-event").checked = true;
        byId("replay-event").value = from ?? "";
        byId("replay-time").value = "";
        this.#modal.open();
        byId("replay-event").focus();
    }

    #beginning() {
        return beginning({
            by: byId("replay-by-time").checked ? "since" : "from",
            event: byId("replay-event").value,
            time: byId("replay-time").value,
        });
    }
}

/** Asks whether to go on. */
export class ConfirmDialog {
    #modal = new Modal("confirm", () => this.#onSubmit());
    #onSubmit;

    /** `onSubmit()`: does it; what it throws is shown. */
    open({ heading, text, button }, onSubmit) {
        this.#onSubmit = onSubmit;
        setText(byId("confirm-heading"), heading);
        setText(byId("confirm-text"), text);
        setText(byId("confirm-submit"), button);
        this.#modal.open();
        // An Enter by accident cancels.
        byId("confirm-cancel").focus();
    }
}

/** Shows a secret once: it is in the field while the dialog is open, and nowhere else. */
export class SecretDialog {
    #dialog = byId("secret");
    #field = byId("secret-value");
    #onClosed;

    constructor() {
        byId("secret-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#dialog.close();
        });
        byId("secret-copy").addEventListener("click", () => void this.#copy());
        // Only the button closes it: a secret that was not copied must be rotated.
        this.#dialog.addEventListener("cancel", (event) => event.preventDefault());
        this.#dialog.addEventListener("close", () => {
            this.#field.value = "";
            this.#onClosed?.();
        });
    }

    /** `onClosed()`: called when the person has kept it. */
    open({ heading, text, secret }, onClosed) {
        this.#onClosed = onClosed;
        setText(byId("secret-heading"), heading);
        setText(byId("secret-text"), text);
        setText(byId("secret-copied"), "");
        this.#field.value = secret;
        this.#dialog.showModal();
        this.#field.focus();
        this.#field.select();
    }

    async #copy() {
        try {
            await navigator.clipboard.writeText(this.#field.value);
            setText(byId("secret-copied"), "Copied.");
        } catch {
            // Not allowed, or an address without HTTPS.
            this.#field.focus();
            this.#field.select();
            setText(byId("secret-copied"), "The browser does not let this page copy. It is selected: copy it with the keyboard.");
        }
    }
}
