// Entry point: signs in, and starts the session.

import { OF_ADMINS } from "./address.js";
import { byId, setText, shown } from "./dom.js";
import { Identity } from "./identity.js";
import { arrive, WINDOW } from "./oidc/arrival.js";
import { Renewal } from "./renewal.js";
import { Session } from "./session.js";
import { SignIn } from "./sign-in.js";

// First of all: a code must not stay in the address.
const arrival = arrive({ location, history, storage: sessionStorage });
const signIn = new SignIn();
let session;

function begin(identity) {
    byId("loading").hidden = true;
    byId("sign-in").hidden = true;
    byId("console").hidden = false;
    const introduce = () => {
        setText(byId("who"), `${shown(identity.user, 40)} · ${shown(identity.tenant, 40)}${identity.isAdmin ? " · admin" : ""}`);
        for (const section of OF_ADMINS) byId(`to-${section}`).hidden = !identity.isAdmin;
    };
    introduce();
    session = new Session(identity, new Renewal(identity, signIn, introduce), { followed: signIn.demonstrated, onEnded: end });
    // The form of signing in may have been scrolled.
    byId("main").focus({ preventScroll: true });
    window.scrollTo(0, 0);
}

/** Leaves the page, so that nothing of the previous user stays: for `address`, by default the page itself. */
function end(reason, address) {
    session.close();
    Identity.forget(reason);
    if (address) location.assign(address);
    else location.reload();
}

byId("sign-out").addEventListener("click", () => {
    const address = signIn.account?.signOut();
    // The next user may not see what this one has open.
    history.replaceState(history.state, "", location.pathname);
    end("", address);
});

/** Signs in, and returns the user's identity. */
async function enter() {
    const kept = arrival ? undefined : Identity.kept();
    if (kept) {
        await signIn.prepare();
        return kept;
    }
    let message = Identity.farewell();
    try {
        const identity = await signIn.resume(arrival);
        if (identity) return identity;
    } catch (error) {
        message = shown(error.message);
    }
    byId("loading").hidden = true;
    return signIn.ask(message);
}

if (arrival?.response.state.startsWith(WINDOW)) {
    byId("window-done").hidden = false;
    const { passOn } = await import("./oidc/account.js");
    passOn(arrival.response);
} else {
    begin(await enter());
}
