// Chart of events per second and stream over the last minute, with a text alternative.

import { byId, setText } from "./dom.js";

const SECONDS = 60;
const WIDTH = 240;
const HEIGHT = 64;
const SVG = "http://www.w3.org/2000/svg";
const NAMES = { sse: "SSE", websocket: "WebSocket", relay: "relay" };

export class Rate {
    #buckets = Object.fromEntries(Object.keys(NAMES).map((lane) => [lane, new Array(SECONDS).fill(0)]));
    #lines = {};
    #details = byId("streams");

    constructor() {
        for (const lane of Object.keys(NAMES)) {
            this.#lines[lane] = document.createElementNS(SVG, "polyline");
            this.#lines[lane].setAttribute("class", `lane-${lane}`);
        }
        byId("rate-chart").replaceChildren(...Object.values(this.#lines));
        this.#details.addEventListener("toggle", () => this.#draw());
    }

    count(lane) {
        this.#buckets[lane][SECONDS - 1] += 1;
    }

    /** Once a second. */
    tick() {
        this.#draw();
        for (const counts of Object.values(this.#buckets)) {
            counts.shift();
            counts.push(0);
        }
    }

    /** Draws the chart if somebody can see it: it takes longer than everything else that a quiet page does. */
    #draw() {
        if (!this.#details.matches(":popover-open")) return;
        const peak = Math.max(1, ...Object.values(this.#buckets).flat());
        for (const [lane, counts] of Object.entries(this.#buckets)) {
            const points = counts.map((count, second) => {
                return `${(second * WIDTH) / (SECONDS - 1)},${(HEIGHT - 2 - (count * (HEIGHT - 6)) / peak).toFixed(1)}`;
            });
            this.#lines[lane].setAttribute("points", points.join(" "));
        }
        setText(byId("rate-text"), this.#inWords(peak));
    }

    #inWords(peak) {
        const rates = Object.entries(this.#buckets).map(([lane, counts]) => {
            const recent = counts.slice(-10).reduce((sum, count) => sum + count, 0) / 10;
            return `${NAMES[lane]} ${recent.toFixed(1)}`;
        });
        return `A second: ${rates.join(", ")}; peak ${peak}.`;
    }
}
