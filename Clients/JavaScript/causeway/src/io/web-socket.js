import { CausewayError } from "../core/errors.js";
import { withQuery } from "../core/queries.js";
import { errorUpdate } from "../core/updates.js";

/**
 * Opens a WebSocket that carries JSON. Without a ticket the token is sent as a subprotocol, not in the address.
 *
 * @param {URL} url
 * @param {object} link What the connection gives: `ticket`, or `token` without tickets; and callbacks.
 * @param {(message: any) => object[]} received Returns the updates of a message.
 * @param {(close: { code: number, reason: string, wasOpen: boolean }) => object | Promise<object>} closed Returns the ending.
 */
export function openWebSocket(url, link, received, closed) {
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    let socket;
    try {
        const credentials = link.ticket === undefined ? [`bearer.${link.token}`] : [];
        socket = new WebSocket(withQuery(url, { ticket: link.ticket }), ["causeway.v1", ...credentials]);
    } catch {
        // The browser's own error would contain the token.
        const error = new CausewayError("not_a_token", "the token has characters that no JWT has");
        link.ended({ verdict: "end", reason: "not_a_token", error });
        return { close() {}, send() {} };
    }
    let wasOpen = false;
    socket.onopen = () => link.heard();
    socket.onmessage = ({ data }) => {
        link.heard();
        let message;
        try {
            message = JSON.parse(data);
        } catch (error) {
            return link.publish(errorUpdate(error, "not_json"));
        }
        // The first message says that the server has accepted the connection.
        wasOpen = true;
        link.live();
        for (const update of received(message)) link.publish(update);
    };
    socket.onclose = async ({ code, reason }) => link.ended(await closed({ code, reason, wasOpen }));
    const close = () => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(1000);
    };
    return { close, send: (text) => { if (socket.readyState === WebSocket.OPEN) socket.send(text); } };
}
