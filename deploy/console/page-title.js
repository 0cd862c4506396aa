// The tab's title: unread notifications, and the section.

const NAME = "Causeway console";
let unread = 0;
let place = "";

function show() {
    document.title = `${unread ? `(${unread}) ` : ""}${place ? `${place} · ` : ""}${NAME}`;
}

/** `count`: number of unread notifications. */
export function setUnread(count) {
    unread = count;
    show();
}

/** `name`: what the page shows; empty for the overview. */
export function setPlace(name) {
    place = name;
    show();
}
