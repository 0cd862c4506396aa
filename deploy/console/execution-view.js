// A row for an execution: progress, current step, result.

import { addressOf } from "./address.js";
import { element, foreign, setText, shown } from "./dom.js";
import { clock, duration } from "./format.js";
import { percent } from "./summary.js";

const FINAL = { complete: "complete", workflow_complete: "complete", failed: "failed", workflow_failed: "failed" };
const TONES = { running: "", complete: "good", succeeded: "good", failed: "bad", waiting: "" };

export class ExecutionView {
    #shows;
    #steps = new Map();
    #updatedAt = -Infinity;

    /** `onLeave`: called by the Unfollow button; no button without it. */
    constructor(kind, name, { onLeave } = {}) {
        this.#shows = {
            state: element("span", { class: "pill" }),
            progress: element("progress", { max: 1, value: 0, "aria-label": `${kind} ${shown(name, 80)}` }),
            percent: element("span", { class: "figures" }),
            last: element("span", { class: "last", dir: "auto" }),
            time: element("time", { class: "figures muted" }),
        };
        const label = `Unfollow ${kind} ${shown(name, 80)}`;
        const leave = onLeave ? [element("button", { type: "button", class: "quiet", text: "Unfollow", "aria-label": label })] : [];
        for (const button of leave) button.addEventListener("click", onLeave);
        this.row = element(
            "li",
            { class: "item", data: { kind, name } },
            element("div", { class: "line" }, foreign("a", name, { class: "title covers", href: addressOf("executions", kind, name) }, 80), this.#shows.state, ...leave),
            element("div", { class: "line" }, this.#shows.progress, this.#shows.percent),
            element("div", { class: "line small" }, this.#shows.last, this.#shows.time),
        );
        this.#become("waiting");
    }

    /** Shows a state that no event reports. */
    say(state, text) {
        this.#become(state);
        setText(this.#shows.last, text);
    }

    /** Another execution of the same name begins. */
    begin() {
        this.#steps.clear();
        this.#progressed(0);
    }

    /** An event of the execution (contract §9). */
    event(type, payload, at) {
        const step = shown(payload.stepId, 60);
        if (type === "step_start") this.#steps.set(step, shown(payload.name, 80));
        const named = this.#steps.get(step) || step || shown(payload.step, 60);
        const said = shown(payload.message ?? payload.result ?? payload.error ?? payload.agent, 200);
        setText(this.#shows.last, [named, said].filter(Boolean).join(": "));
        setText(this.#shows.time, clock(at));
        if (Object.hasOwn(FINAL, type)) {
            this.#become(FINAL[type]);
            if (FINAL[type] === "complete") this.#progressed(1);
            if (payload.duration >= 0) setText(this.#shows.time, duration(payload.duration));
        } else {
            this.#become("running");
            this.#progressed(type === "step_start" ? 0 : type === "step_complete" ? 1 : payload.progress);
        }
    }

    /** Applies a `job.updated` event. */
    job({ status, progress, error, result_url: result }, at) {
        // Ignore an older event that was read from the log.
        if (at < this.#updatedAt) return;
        this.#updatedAt = at;
        this.#become(shown(status, 40));
        this.#progressed(progress);
        setText(this.#shows.last, shown(error ?? result ?? "", 200));
        setText(this.#shows.time, clock(at));
    }

    #become(state) {
        setText(this.#shows.state, state);
        this.#shows.state.dataset.tone = Object.hasOwn(TONES, state) ? TONES[state] : "";
        this.row.dataset.state = state;
    }

    #progressed(fraction) {
        if (typeof fraction !== "number") return;
        this.#shows.progress.value = Math.min(1, Math.max(0, fraction));
        setText(this.#shows.percent, percent(fraction));
    }
}
