/**
 * The browser client of Causeway: ES modules, without dependencies and without a build step.
 *
 *     import { Causeway } from "./causeway/causeway.js";
 *     const causeway = new Causeway({ token: async () => (await fetch("/session/token")).text() });
 *     const stream = causeway.notifications({ types: ["approval.requested", "incident.*"] });
 *     stream.addEventListener("event", ({ detail }) => show(detail.type, detail.data));
 *
 * Streams reconnect and resume automatically: each event is dispatched once and in order, and missing events are reported (`gap`).
 * All tabs of an origin that open the same stream for the same user with the same roles share one connection: the tab that holds a
 * Web Lock, the leader, connects and forwards updates through a BroadcastChannel. Texts from events are never evaluated or parsed as HTML.
 *
 * This module is the public API; `causeway.d.ts` declares its types. `core/` has the modules that need neither browser nor network, `io/` the others.
 * docs/browser-client.md describes how to use it.
 *
 * @module causeway
 */

export { Causeway } from "./client.js";
export { backoffDelay } from "./core/backoff.js";
export { readClaims } from "./core/claims.js";
export { compareCursors } from "./core/cursors.js";
export { CausewayError } from "./core/errors.js";
export { EventStreamParser } from "./core/event-stream-parser.js";
export { EventStream } from "./event-stream.js";
export { RelayStream } from "./relay-stream.js";
