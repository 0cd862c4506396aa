/** The longest delay of a browser's timer, in milliseconds: one that is set to more fires at once. */
export const MAX_TIMER = 2 ** 31 - 1;

/** The clock and the timers of the browser, as `TokenSource` takes them. */
export const CLOCK = {
    now: () => Date.now(),
    after(milliseconds, callback) {
        const timer = setTimeout(callback, Math.min(milliseconds, MAX_TIMER));
        return () => clearTimeout(timer);
    },
};

/** Resolves in a further task. Browsers slow down the timers of hidden pages, not messages. */
export function nextTask() {
    return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            resolve();
        };
        port2.postMessage(null);
    });
}
