import { compareCursors, isCursor, NO_CURSOR } from "./cursors.js";
import { FAMILIES, laneOf } from "./relay-lanes.js";
import { RelayTopic } from "./relay-topic.js";
import { errorUpdate, eventUpdate } from "./updates.js";

/**
 * Multiplexes the subscriptions and calls of all tabs over one relay connection, and subscribes again after each reconnect.
 *
 * It sends through the function that `connected` gets, and publishes updates; it does no I/O itself.
 */
export class RelayMultiplexer {
    #publish;
    #send = null;
    #nextID = 1;
    /** By lane. */
    #topics = new Map();
    /** Topics that have asked the relay for their position, in order. */
    #asking = [];
    /** Calls without an answer yet, by the id on the wire. */
    #calls = new Map();
    /** Calls to send when the connection is open. */
    #waiting = [];

    constructor(publish) {
        this.#publish = publish;
    }

    /** Whether a call has no answer yet. */
    get isBusy() {
        return this.#calls.size > 0;
    }

    connected(send) {
        this.#send = send;
        for (const topic of this.#topics.values()) this.#subscribe(topic);
        for (const [member, call] of this.#waiting.splice(0)) this.call(member, call);
    }

    disconnected() {
        this.#send = null;
        this.#asking = [];
        const lost = [...this.#calls.values()];
        this.#calls.clear();
        for (const { failed } of lost) failed({ code: "connection_lost", message: "the connection was lost before the answer came" });
    }

    close() {
        this.#publish = () => {};
        this.disconnected();
    }

    /** Withdraws the subscriptions and calls of a tab that was closed. */
    left(member) {
        this.#waiting = this.#waiting.filter(([waiting]) => waiting !== member);
        for (const topic of [...this.#topics.values()]) this.#withdraw(member, topic);
    }

    call(member, { id, method, params }) {
        if (method === "forget") {
            this.#waiting = this.#waiting.filter(([, call]) => call.id !== id);
            for (const [wireID, call] of this.#calls) if (call.id === id) this.#calls.delete(wireID);
            return;
        }
        if (!this.#send) return void this.#waiting.push([member, { id, method, params }]);
        const answer = (result) => this.#publish({ kind: "reply", to: member, call: id, detail: result });
        const failed = (error) => this.#publish({ kind: "reply", to: member, call: id, error });
        const progress = (detail) => this.#publish({ kind: "progress", to: member, call: id, detail });
        switch (method) {
            case "request":
                return this.#request(params.method, params.params, { id, answered: answer, failed, progress });
            case "unsubscribe":
                for (const family of FAMILIES) this.#withdraw(member, this.#topics.get(laneOf(family, params.incidentId)));
                return answer(null);
            case "subscribe":
                return void Promise.all(FAMILIES.map((family) => this.#join(member, family, params.incidentId, params.after[family])))
                    .then((places) => answer(Object.fromEntries(FAMILIES.map((family, index) => [family, places[index]]))), failed);
        }
    }

    receive(message) {
        if (message.method === "stream.gap") return this.#gap(message.params);
        if (message.method === undefined) return this.#answer(message);
        const { requestId, ...rest } = message.params ?? {};
        const call = message.method.endsWith(".progress") ? this.#calls.get(requestId) : undefined;
        if (call) return call.progress?.(rest);
        this.#push(message.method, message.params);
    }

    #push(type, { timestamp, ...payload }) {
        let id = null;
        if (isCursor(payload.id)) ({ id, ...payload } = payload);
        const lane = laneOf(type.startsWith("investigation.") ? "investigation" : "remediation", payload.incidentId);
        const topic = this.#topics.get(lane);
        if (topic && id) topic.after = id;
        this.#publish({ ...eventUpdate("relay", id, type, payload, timestamp), lane });
    }

    #gap({ reason, missedBefore, id }) {
        // The answer to a topic that asked for its position. The relay sends gaps in the order of the subscriptions.
        const topic = reason === "unknown_cursor" ? this.#asking.shift() : undefined;
        if (!topic) return this.#publish({ kind: "gap", detail: { reason, missedBefore, id } });
        topic.placed(id);
        this.#publish({ kind: "place", lane: laneOf(topic.family, topic.incidentId), detail: { id } });
    }

    #answer({ id, result, error }) {
        const call = this.#calls.get(id);
        this.#calls.delete(id);
        if (!call) return;
        if (error) call.failed(error);
        else call.answered(result);
    }

    #request(method, params, call) {
        const id = this.#nextID++;
        this.#calls.set(id, call);
        this.#send(params === undefined ? { id, method } : { id, method, params });
    }

    /**
     * Adds a tab to a topic; resolves to the topic's position. If the tab's position is before the topic's, the topic is subscribed again
     * from there: the other tabs drop the events that they have had, by id.
     */
    async #join(member, family, incidentId, after) {
        const lane = laneOf(family, incidentId);
        let topic = this.#topics.get(lane);
        const isNew = !topic;
        if (isNew) this.#topics.set(lane, (topic = new RelayTopic(family, incidentId, after)));
        topic.members.add(member);
        if (isNew) {
            this.#subscribe(topic);
        } else if (after !== undefined && !(compareCursors(after, topic.after) >= 0)) {
            this.#request(`${family}.unsubscribe`, { incidentId }, { answered() {}, failed() {} });
            topic.after = after;
            this.#subscribe(topic);
        }
        try {
            await topic.ready;
        } catch (error) {
            this.#withdraw(member, topic);
            throw error;
        }
        return topic.after || undefined;
    }

    #subscribe(topic) {
        const { family, incidentId, after } = topic;
        if (after === undefined) this.#asking.push(topic);
        const failed = (error) => {
            // It is subscribed again after the reconnect.
            if (error.code === "connection_lost") return;
            this.#asking = this.#asking.filter((asking) => asking !== topic);
            if (!topic.failed(error)) this.#publish(errorUpdate(error, error.code));
        };
        this.#request(`${family}.subscribe`, { incidentId, lastEventId: after ?? NO_CURSOR }, { answered: () => topic.accepted(), failed });
    }

    #withdraw(member, topic) {
        if (!topic?.members.delete(member) || topic.members.size > 0) return;
        this.#topics.delete(laneOf(topic.family, topic.incidentId));
        if (this.#send) this.#request(`${topic.family}.unsubscribe`, { incidentId: topic.incidentId }, { answered() {}, failed() {} });
    }
}
