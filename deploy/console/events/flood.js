// Whether more events come than anybody can read.

/** Milliseconds in which events are counted. */
const SECOND = 1000;
/** More events than this in a second are a flood; half as many end it. */
const MOST = 200;

const CLOCK = {
    now: () => performance.now(),
    wait: (work, milliseconds) => setTimeout(work, milliseconds),
    cancelWait: (timer) => clearTimeout(timer),
};

export class Flood {
    /** Whether there is one now. */
    isOn = false;

    #onEnd;
    #clock;
    #begin = -Infinity;
    #count = 0;
    #timer;

    /** `onEnd()`: called when a flood is over. `clock`: the time and timers, as in `CLOCK`. */
    constructor(onEnd, clock = CLOCK) {
        this.#onEnd = onEnd;
        this.#clock = clock;
    }

    /** Counts an event. */
    count() {
        const now = this.#clock.now();
        if (!this.isOn && now - this.#begin >= SECOND) {
            this.#begin = now;
            this.#count = 0;
        }
        this.#count += 1;
        if (this.isOn || this.#count <= MOST) return;
        this.isOn = true;
        this.#look();
    }

    /** Looks after a second whether it goes on. */
    #look() {
        this.#count = 0;
        this.#timer = this.#clock.wait(() => {
            if (this.#count > MOST / 2) return this.#look();
            this.isOn = false;
            this.#begin = -Infinity;
            this.#onEnd();
        }, SECOND);
    }

    close() {
        this.#clock.cancelWait(this.#timer);
    }
}
