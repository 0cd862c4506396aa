// Sends an event again to one of the webhooks that get its type (contract §14).

import { element, setText, shown } from "../dom.js";
import { failureText } from "../failures.js";
import { sentAgain, takes } from "../webhooks/texts.js";

/** The part of an event's page. `service`: a `WebhookService`. */
export function resendPart({ id, type }, service) {
    const state = element("p", { class: "muted", role: "status", text: "Loading webhooks…" });
    const failure = element("p", { class: "error", role: "alert" });
    const choice = element("select", { id: "resend-webhook" });
    const button = element("button", { type: "button", id: "resend-submit", text: "Send again" });
    const form = element("div", { class: "line", hidden: true }, element("label", { for: "resend-webhook", text: "Send again to" }), choice, button);
    button.addEventListener("click", () => void send());

    async function load() {
        try {
            const endpoints = (await service.list()).filter((endpoint) => takes(endpoint, type));
            const name = ({ description, url, state }) => `${shown(description || url, 80)} (${shown(state.name, 40)})`;
            choice.replaceChildren(...endpoints.map((endpoint) => element("option", { value: endpoint.id, text: name(endpoint) })));
            form.hidden = endpoints.length === 0;
            setText(state, endpoints.length ? "" : "No webhook gets events of this type.");
        } catch (error) {
            setText(state, "");
            setText(failure, error.status === 404 ? "This deployment has no webhook service." : failureText("Couldn't load webhooks", error));
        }
    }

    async function send() {
        if (button.hasAttribute("aria-busy")) return;
        setText(failure, "");
        setText(state, "Sending…");
        // It keeps the focus, which a disabled one loses.
        button.setAttribute("aria-busy", "true");
        try {
            setText(state, sentAgain(await service.resend(choice.value, id)));
        } catch (error) {
            setText(state, "");
            setText(failure, failureText("Couldn't send it again", error));
        }
        button.removeAttribute("aria-busy");
    }

    void load();
    return element("div", { class: "resend" }, element("h4", { text: "Webhooks" }), form, state, failure);
}
