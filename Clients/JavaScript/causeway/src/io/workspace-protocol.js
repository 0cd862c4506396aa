import { readClaims, tenantOf } from "../core/claims.js";
import { compareCursors, NO_CURSOR } from "../core/cursors.js";
import { endingOfWorkspace } from "../core/endings.js";
import { withQuery } from "../core/queries.js";
import { WorkspaceMessages } from "../core/workspace-messages.js";
import { RenewalAnswer } from "./renewal-answer.js";
import { openWebSocket } from "./web-socket.js";

/** The workspace stream, over a WebSocket. */
export class WorkspaceProtocol {
    name = "workspace";
    compare = compareCursors;
    #origin;
    #workspaceId;
    #types;
    #claims;

    /** @param {{ tenant: string[] }} claims The names of the claims that may have the tenant. */
    constructor(origin, workspaceId, types, claims) {
        this.key = [this.name, workspaceId ?? null, types];
        this.#origin = origin;
        this.#workspaceId = workspaceId;
        this.#types = types;
        this.#claims = claims;
    }

    open(link) {
        const workspace = this.#workspaceId ?? tenantOf(readClaims(link.token), this.#claims);
        const query = { workspace, types: this.#types, last_event_id: link.after ?? NO_CURSOR };
        const url = withQuery(new URL("/v1/stream", this.#origin), query);
        const messages = new WorkspaceMessages(link.after === undefined);
        const answer = new RenewalAnswer();
        const received = (message) => {
            if (message.type === "authenticated") answer.settle("renewed");
            return messages.updates(message);
        };
        const socket = openWebSocket(url, link, received, endingOfWorkspace);
        const renew = (token) => {
            socket.send(JSON.stringify({ type: "authenticate", token }));
            return answer.wait();
        };
        return { ...socket, renew };
    }
}
