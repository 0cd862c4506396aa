// Rendering that is done once for many events.

/** Minimum interval between two runs in milliseconds: a single event is shown in the next frame, a flood of events ten times a second. */
const PACE = 100;
/** What a frame may take in milliseconds: a run that takes longer goes on in the next frame, so that the page answers in between. */
const BUDGET = 8;
/** A page that is not visible has no frames: there the work is done after this time in milliseconds. */
const PATIENCE = 500;

const BROWSER = {
    now: () => performance.now(),
    askFrame: (work) => requestAnimationFrame(work),
    cancelFrame: (frame) => cancelAnimationFrame(frame),
    wait: (work, milliseconds) => setTimeout(work, milliseconds),
    cancelWait: (timer) => clearTimeout(timer),
    // What one panel cannot show is no reason to leave out the others.
    report: (error) => reportError(error),
};

/** Runs work at most ten times a second, in frames that stay short. */
export class Rendering {
    #browser;
    #asked = new Set();
    #isDue = false;
    #ranAt = -Infinity;
    #frame;
    #timer;

    /** `browser`: the clock, frames and timers, as in `BROWSER`. */
    constructor(browser = BROWSER) {
        this.#browser = browser;
    }

    /** Runs `work` soon, once. Everything asked for until then runs after the other, in the order in which it was first asked for. */
    ask(work) {
        this.#asked.add(work);
        if (this.#isDue) return;
        this.#isDue = true;
        const pause = this.#ranAt + PACE - this.#browser.now();
        if (pause > 0) this.#timer = this.#browser.wait(() => this.#awaitFrame(), pause);
        else this.#awaitFrame();
    }

    #awaitFrame() {
        const run = () => this.#run();
        this.#frame = this.#browser.askFrame(run);
        this.#timer = this.#browser.wait(run, PATIENCE);
    }

    #run() {
        this.#browser.cancelFrame(this.#frame);
        this.#browser.cancelWait(this.#timer);
        this.#ranAt = this.#browser.now();
        let left = this.#asked.size;
        for (const work of this.#asked) {
            // What the work itself asks for is later in the set.
            if (left === 0) break;
            this.#asked.delete(work);
            left -= 1;
            try {
                work();
            } catch (error) {
                this.#browser.report(error);
            }
            if (this.#browser.now() - this.#ranAt >= BUDGET) break;
        }
        if (left > 0) this.#awaitFrame();
        else if (this.#asked.size > 0) this.#timer = this.#browser.wait(() => this.#awaitFrame(), PACE);
        else this.#isDue = false;
    }
}

const rendering = new Rendering();

/** Runs `work` soon, once, see `Rendering`. */
export function showSoon(work) {
    rendering.ask(work);
}
