// Publishes one event of the admin's tenant through the intake (contract §10).

import { addressOf } from "../address.js";
import { copyButton } from "../copy.js";
import { element, setText, shown } from "../dom.js";
import { failureText } from "../failures.js";
import { accepted, newKey, send } from "../requests.js";
import { eventBody } from "./event-draft.js";

const EXAMPLE = { type: "test.event", payload: '{\n  "message": "A test from the console"\n}' };

export class PublishView {
    elements;

    #causeway;
    #fields = {
        type: element("input", {
            id: "publish-type", list: "events-types", value: EXAMPLE.type, maxlength: "128", spellcheck: "false", required: true, "aria-describedby": "publish-error",
        }),
        user: element("input", { id: "publish-user", maxlength: "300", spellcheck: "false", placeholder: "Everyone", "aria-describedby": "publish-user-hint" }),
        payload: element("textarea", {
            id: "publish-payload", rows: "6", maxlength: "260000", spellcheck: "false", required: true, text: EXAMPLE.payload,
            "aria-describedby": "publish-error",
        }),
    };
    #button = element("button", { id: "publish-submit", type: "submit", class: "primary", text: "Publish" });
    #failure = element("p", { id: "publish-error", class: "error", role: "alert" });
    #result = element("p", { id: "publish-result", role: "status" });
    /** The last request without a success: repeated as it was, it has the same key, and is stored once. */
    #sent = { body: "", key: "" };

    constructor(causeway, { tenant }) {
        this.#causeway = causeway;
        const { type, user, payload } = this.#fields;
        const form = element(
            "form",
            { class: "tool", autocomplete: "off" },
            element("label", { for: "publish-type", text: "Type" }),
            type,
            element("label", { for: "publish-user" }, "User ", element("span", { class: "muted", text: "(optional)" })),
            user,
            element("p", { id: "publish-user-hint", class: "hint", text: "Only this user gets the event. Without a user, everyone gets it." }),
            element("label", { for: "publish-payload", text: "Payload" }),
            payload,
            this.#failure,
            element("div", { class: "buttons" }, this.#button),
        );
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#publish();
        });
        const what = `The event is real: it is stored in the log of ${shown(tenant, 60)} and delivered on all streams, and to webhooks that follow its type.`;
        this.elements = [element("h3", { tabindex: "-1", text: "Publish a test event" }), element("p", { class: "muted", dir: "auto", text: what }), form, this.#result];
    }

    async #publish() {
        setText(this.#failure, "");
        let body;
        try {
            const { type, user, payload } = this.#fields;
            body = eventBody({ type: type.value, user: user.value, payload: payload.value });
        } catch (error) {
            setText(this.#failure, error.message);
            this.#fields[error.field].focus();
            return;
        }
        if (body !== this.#sent.body) this.#sent = { body, key: newKey() };
        this.#button.disabled = true;
        this.#result.replaceChildren();
        try {
            const headers = { "Content-Type": "application/json", "Idempotency-Key": this.#sent.key };
            const { ids: [id] } = JSON.parse(accepted(await send(this.#causeway, "/v1/events", { method: "POST", headers, body })));
            this.#sent = { body: "", key: "" };
            const addressee = this.#fields.user.value.trim();
            // The streams of this page do not carry what is for somebody else.
            const name = addressee ? element("code", { text: id }) : element("a", { href: addressOf("events", id), text: id });
            this.#result.replaceChildren("Stored as ", name, addressee ? ` for ${shown(addressee, 80)}. ` : ". ", copyButton(id, "the event's id"));
        } catch (error) {
            const unknown = "It is not known whether the event was stored. Publish it again within two minutes: it is stored only once.";
            setText(this.#failure, error.status === undefined ? unknown : failureText("Couldn't publish the event", error));
        }
        this.#button.disabled = false;
    }

    close() {}
}
