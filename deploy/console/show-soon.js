// Rendering that is done once for many events.

/** Minimum interval between two runs in milliseconds: a single event is shown in the next frame, a flood of events ten times a second. */
const PACE = 100;
/** A page that is not visible has no frames: there the work is done after this time in milliseconds. */
const PATIENCE = 500;

const asked = new Set();
let isDue = false;
let ranAt = -Infinity;
let frame;
let timer;

/** Runs `work` soon, once. Everything asked for until then runs together, in the order in which it was first asked for. */
export function showSoon(work) {
    asked.add(work);
    if (isDue) return;
    isDue = true;
    const pause = ranAt + PACE - performance.now();
    if (pause > 0) timer = setTimeout(wait, pause);
    else wait();
}

function wait() {
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, PATIENCE);
}

function run() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    isDue = false;
    ranAt = performance.now();
    const works = [...asked];
    asked.clear();
    for (const work of works) {
        try {
            work();
        } catch (error) {
            // What one panel cannot show is no reason to leave out the others.
            reportError(error);
        }
    }
}
