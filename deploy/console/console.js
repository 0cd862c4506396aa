// Entry point: signs in, and starts the session.

import { byId, setText, shown } from "./dom.js";
import { Identity } from "./identity.js";
import { Renewal } from "./renewal.js";
import { Session } from "./session.js";
import { SignIn } from "./sign-in.js";

const signIn = new SignIn();
let session;

function begin(identity) {
    byId("loading").hidden = true;
    byId("sign-in").hidden = true;
    byId("console").hidden = false;
    const introduce = () => {
        setText(byId("who"), `${shown(identity.user, 40)} · ${shown(identity.tenant, 40)}${identity.isAdmin ? " · admin" : ""}`);
        byId("to-webhooks").hidden = !identity.isAdmin;
    };
    introduce();
    session = new Session(identity, new Renewal(identity, signIn, introduce), { followed: signIn.demonstrated, onEnded: end });
    byId("main").focus();
}

/** Reloads the page, so that nothing of the previous user stays. */
function end(reason) {
    session.close();
    Identity.forget(reason);
    location.reload();
}

byId("sign-out").addEventListener("click", () => end(""));

const kept = Identity.kept();
if (kept) {
    await signIn.prepare();
    begin(kept);
} else {
    byId("loading").hidden = true;
    begin(await signIn.ask(Identity.farewell()));
}
