// A modal dialog with a form. Its elements have the ids `name`, `name-form`, `name-error` and `name-cancel`.

import { byId, setText, shown } from "./dom.js";

export class Modal {
    #dialog;
    #error;
    #form;
    #onSubmit;
    /** Counts openings, so that an answer to an earlier one changes nothing. */
    #turn = 0;

    /** `onSubmit`: does what the form is for; an error that it throws is shown, and the dialog stays open. */
    constructor(name, onSubmit) {
        this.#dialog = byId(name);
        this.#form = byId(`${name}-form`);
        this.#error = byId(`${name}-error`);
        this.#onSubmit = onSubmit;
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#submit();
        });
        byId(`${name}-cancel`).addEventListener("click", () => this.close());
    }

    open() {
        this.#turn += 1;
        setText(this.#error, "");
        this.#setBusy(false);
        this.#dialog.showModal();
    }

    close() {
        this.#turn += 1;
        this.#dialog.close();
    }

    async #submit() {
        const turn = this.#turn;
        setText(this.#error, "");
        this.#setBusy(true);
        try {
            await this.#onSubmit();
            if (turn === this.#turn) this.close();
        } catch (error) {
            if (turn === this.#turn) setText(this.#error, shown(error.message, 400));
        } finally {
            if (turn === this.#turn) this.#setBusy(false);
        }
    }

    #setBusy(isBusy) {
        this.#form.setAttribute("aria-busy", String(isBusy));
        this.#form.querySelector("[type=submit]").disabled = isBusy;
    }
}
