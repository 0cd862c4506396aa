// Rows of lists. The link of class `covers` covers its row (panels.css): the row leads where the link leads.

const ROWS = ".item, .step, tr";
/** What lies above the link to show something on hover. */
const ABOVE = "time, [title]";

/** Passes clicks on what lies above a row's link on to the link, with the keys that were held down. */
export function passClicksOn(signal) {
    document.addEventListener(
        "click",
        (event) => {
            const above = event.target.closest(ABOVE);
            if (!above || above.closest("a, button, .details")) return;
            above.closest(ROWS)?.querySelector(".covers")?.dispatchEvent(new MouseEvent("click", event));
        },
        { signal },
    );
}
