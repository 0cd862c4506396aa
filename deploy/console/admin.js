// Section of tools for admins: their list, or the tool that the page's address names. A tool is created when it is opened, and removed when it is left.

import { DeploymentView } from "./admin/deployment-view.js";
import { PublishView } from "./admin/publish-view.js";
import { TokenView } from "./admin/token-view.js";
import { byId, setText, shown } from "./dom.js";

/** Tools by their names in addresses. */
const TOOLS = { publish: PublishView, token: TokenView, deployment: DeploymentView };

export class Admin {
    #place = byId("admin-place");
    #causeway;
    #identity;
    #view;

    constructor(causeway, identity) {
        this.#causeway = causeway;
        this.#identity = identity;
    }

    /** Opens a tool; without a name the list. */
    visit(name) {
        this.leave();
        const { isAdmin } = this.#identity;
        const isKnown = Object.hasOwn(TOOLS, name ?? "");
        byId("admin-tools").hidden = !isAdmin || name !== undefined;
        byId("admin-one").hidden = !isAdmin || name === undefined;
        setText(byId("admin-state"), stateText(isAdmin, name, isKnown));
        if (!isAdmin || !isKnown) return;
        this.#view = new TOOLS[name](this.#causeway, this.#identity);
        this.#place.replaceChildren(...this.#view.elements);
        this.#place.firstElementChild.focus({ preventScroll: true });
    }

    leave() {
        this.#view?.close();
        this.#view = undefined;
        this.#place.replaceChildren();
    }

    close() {
        this.leave();
    }
}

function stateText(isAdmin, name, isKnown) {
    if (!isAdmin) return "These tools are for admins. Ask an admin of your tenant.";
    return name === undefined || isKnown ? "" : `There is no tool ${shown(name, 80)}.`;
}
