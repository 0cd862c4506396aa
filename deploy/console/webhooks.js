// Section of webhooks, for admins: the endpoints with their health, and one with its attempts.

import { addressOf } from "./address.js";
import { byId, element, List, setText, shown } from "./dom.js";
import { failureText } from "./failures.js";
import { newKey } from "./requests.js";
import { ConfirmDialog, ReplayDialog, SecretDialog, SettingsDialog } from "./webhooks/dialogs.js";
import { EndpointView } from "./webhooks/endpoint-view.js";
import { Row } from "./webhooks/row.js";
import { WebhookService } from "./webhooks/service.js";
import { attempted, changes, replayQuestion, sentAgain } from "./webhooks/texts.js";

/** Maximum number of endpoints that are listed; a tenant has at most 1,024. */
const MOST = 1024;
/** Interval between loads in milliseconds, while the section is open and the page is visible. */
const PACE = 5000;
const ROTATED = "Deliveries carry signatures by both secrets for 24 hours. Give the new one to the receiver before then. It is not shown again.";
const CREATED = "The receiver verifies signatures with it. It is not shown again: keep it now, or rotate it later.";

export class Webhooks {
    #panel = byId("webhooks");
    #list = new List(this.#panel, MOST);
    #create = byId("webhooks-create");
    #place = byId("webhook");
    #service;
    #identity;
    #rows = new Map();
    /** All endpoints by id; undefined until they were loaded. */
    #endpoints;
    #isOpen = false;
    /** The endpoint that the page's address names, and what shows it. */
    #visited;
    #view;
    #isLoading = false;
    #isStale = false;
    #timer;
    #closing = new AbortController();
    #settings = new SettingsDialog();
    #replay = new ReplayDialog();
    #confirm = new ConfirmDialog();
    #secret = new SecretDialog();

    constructor(causeway, identity) {
        this.#service = new WebhookService(causeway);
        this.#identity = identity;
        const { signal } = this.#closing;
        this.#create.addEventListener("click", () => this.#askForNew(), { signal });
        document.addEventListener("visibilitychange", () => this.#load(), { signal });
    }

    /** An event says when to look. */
    take({ type }, isNew) {
        if (isNew && type.startsWith("webhook.")) this.#load();
    }

    /** Opens an endpoint; without one the list. */
    visit(id) {
        this.#isOpen = true;
        if (id !== this.#visited) this.#view = undefined;
        this.#visited = id;
        this.#show();
        this.#load();
    }

    leave() {
        this.#isOpen = false;
        this.#visited = undefined;
        this.#view = undefined;
        clearTimeout(this.#timer);
    }

    close() {
        this.leave();
        this.#closing.abort();
    }

    // MARK: Loading

    /** Loads now, or once more after the load that goes on; then again after a while. */
    #load() {
        if (!this.#isOpen || document.hidden || !this.#identity.isAdmin) return;
        this.#isStale = true;
        if (this.#isLoading) return;
        void this.#run();
    }

    async #run() {
        this.#isLoading = true;
        clearTimeout(this.#timer);
        while (this.#isStale) {
            this.#isStale = false;
            await this.#loadOnce();
        }
        this.#isLoading = false;
        clearTimeout(this.#timer);
        if (this.#isOpen) this.#timer = setTimeout(() => this.#load(), PACE);
    }

    async #loadOnce() {
        try {
            const endpoints = await this.#service.list();
            this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
            this.#fail("");
        } catch (error) {
            this.#fail(listFailure(error));
            return;
        } finally {
            this.#show();
        }
        const view = this.#view;
        if (!view) return;
        try {
            const attempts = await this.#service.attempts(view.endpoint.id);
            if (view === this.#view) view.attempts.update(attempts);
        } catch (error) {
            if (view === this.#view) view.attempts.fail(failureText("Couldn't load attempts", error));
        }
    }

    #fail(text) {
        setText(byId("webhooks-error"), text);
    }

    // MARK: Showing

    #show() {
        const { isAdmin } = this.#identity;
        const isOne = isAdmin && this.#visited !== undefined;
        this.#create.hidden = !isAdmin || isOne;
        byId("webhooks-all").hidden = !isAdmin || isOne;
        byId("webhooks-one").hidden = !isOne;
        setText(byId("webhooks-state"), this.#stateText(isAdmin, isOne));
        if (!isAdmin || !this.#endpoints) return;
        if (isOne) this.#showOne();
        this.#showAll();
    }

    #stateText(isAdmin, isOne) {
        if (!isAdmin) return "Only admins see and change webhooks. Ask an admin of your tenant.";
        if (!this.#endpoints) return byId("webhooks-error").textContent ? "" : "Loading webhooks…";
        if (isOne) return this.#endpoints.has(this.#visited) ? "" : `There is no webhook ${shown(this.#visited, 80)}. It may have been deleted.`;
        return this.#endpoints.size ? "" : "No webhooks yet. Create one to have events sent to an HTTPS address.";
    }

    #showAll() {
        for (const id of this.#rows.keys()) if (!this.#endpoints.has(id)) this.#rows.delete(id);
        for (const endpoint of this.#endpoints.values()) {
            if (!this.#rows.has(endpoint.id)) this.#rows.set(endpoint.id, new Row(endpoint.id));
            this.#rows.get(endpoint.id).update(endpoint);
        }
        this.#list.show([...this.#rows.values()].map(({ row }) => row));
    }

    #showOne() {
        const endpoint = this.#endpoints.get(this.#visited);
        if (!endpoint) {
            this.#view = undefined;
            this.#place.replaceChildren();
        } else if (this.#view) {
            this.#view.update(endpoint);
        } else {
            this.#view = this.#viewOf(endpoint);
            this.#place.replaceChildren(this.#view.root);
            this.#view.focus();
            this.#load();
        }
    }

    // MARK: Doing

    #viewOf({ id }) {
        const current = () => this.#endpoints.get(id);
        const then = async (action) => {
            const result = await action;
            this.#load();
            return result;
        };
        const view = new EndpointView(current(), {
            enable: () => then(this.#service.enable(id)),
            disable: () => then(this.#service.change(id, { enabled: false })),
            test: async () => view.tell(attempted(await then(this.#service.test(id)), "The test event")),
            resend: async (event) => view.tell(sentAgain(await then(this.#service.resend(id, event)))),
            replay: (from) => this.#askForReplay(current(), from, then, view),
            edit: () => this.#askForChanges(current(), then),
            rotate: () => this.#askToRotate(id, then),
            remove: () => this.#askToRemove(current()),
        });
        return view;
    }

    /** Asks from where, says what would be sent again, and asks once more. */
    #askForReplay(endpoint, from, then, view) {
        this.#replay.open(endpoint, from, async (beginning) => {
            const preview = await this.#service.preview(endpoint.id, beginning);
            const question = { heading: "Send these events again?", text: replayQuestion(preview, endpoint), button: "Send again" };
            // The dialog of the beginning closes first.
            setTimeout(() => {
                this.#confirm.open(question, async () => {
                    await then(this.#service.replay(endpoint.id, beginning));
                    view.tell("✓ The replay is accepted. Its progress is shown below.");
                });
            });
        });
    }

    #askForChanges(endpoint, then) {
        this.#settings.open(endpoint, async (settings) => {
            const changed = changes(endpoint, settings);
            if (Object.keys(changed).length > 0) await then(this.#service.change(endpoint.id, changed));
        });
    }

    #askForNew() {
        // The same request again, after an answer that was lost, registers no second one.
        let sent = { text: "", key: "" };
        this.#settings.open(undefined, async (settings) => {
            const text = JSON.stringify(settings);
            if (text !== sent.text) sent = { text, key: newKey() };
            const { secret, ...endpoint } = await this.#service.create(settings, sent.key);
            // The dialog of the settings closes first.
            setTimeout(() => {
                this.#secret.open({ heading: "The webhook is created", text: CREATED, secret }, () => {
                    location.hash = addressOf("webhooks", endpoint.id);
                });
            });
            this.#load();
        });
    }

    #askToRotate(id, then) {
        const question = { heading: "Rotate the secret?", text: "Another secret is made. The former one is valid for 24 hours more.", button: "Rotate" };
        this.#confirm.open(question, async () => {
            const { secret } = await then(this.#service.rotate(id));
            setTimeout(() => this.#secret.open({ heading: "The new secret", text: ROTATED, secret }));
        });
    }

    #askToRemove({ id, url, description }) {
        const text = `${shown(description || url, 200)} gets no more events, and its secret and attempts are deleted. This cannot be undone.`;
        this.#confirm.open({ heading: "Delete the webhook?", text, button: "Delete" }, async () => {
            await this.#service.remove(id);
            this.#endpoints.delete(id);
            location.hash = addressOf("webhooks");
        });
    }
}

function listFailure(error) {
    if (error.status === 403) return "You may not see webhooks: your token is not an admin's.";
    if (error.status === 404) return "This deployment has no webhook service.";
    return `${failureText("Couldn't load webhooks", error)} Trying again.`;
}
