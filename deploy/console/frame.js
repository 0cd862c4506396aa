// Work that is done once a frame, however many events ask for it.

/** A page that is not visible has no frames: there the work is done after this time in milliseconds. */
const PATIENCE = 500;

const asked = new Set();
let frame;
let timer;

/** Runs `work` in the next frame, once. Everything asked for until then runs in the same frame, in the order in which it was first asked for. */
export function onceAFrame(work) {
    asked.add(work);
    if (frame !== undefined) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, PATIENCE);
}

function run() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = undefined;
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
