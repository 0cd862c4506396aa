// What the service's response to an answer means to the person who gave it (contract §7, §12).

import { shown } from "../dom.js";
import { answerWords } from "../words.js";
import { missing } from "./texts.js";

/** Refusals that say nothing about an earlier try: limits and rights may have changed since. */
const ABOUT_THIS_TRY = ["rate_limited", "unauthorized", "forbidden"];

/** Refusals by error code: the text, and what follows. `isFinal`: no other try can succeed. `isStale`: the approval must be read again. */
const REFUSALS = {
    already_resolved: { text: "Another decision came first. Yours was not recorded.", isFinal: true, isStale: true },
    already_voted: { text: "You have voted already, or somebody in your place has: the first vote stands.", isFinal: true, isStale: true },
    expired: { text: "The deadline passed before your answer: it counts as rejected.", isFinal: true, isStale: true },
    conflict: {
        text: "What you were shown is not what would be executed. Nothing was recorded. The action has been loaded again: look at it once more.",
        isStale: true,
    },
    self_approval: { text: "You may not decide this: another person than the one who asked must. Nothing was recorded.", isFinal: true },
    forbidden: { text: "You may not decide this: no group that may decide now has you. Nothing was recorded.", isFinal: true, isStale: true },
    not_found: { text: "There is no such approval, or it is not for you. Nothing was recorded.", isFinal: true, isStale: true },
    unauthorized: { text: "Your sign-in is not accepted any more. Nothing was recorded: sign in again.", isFinal: true },
    rate_limited: { text: "Too many requests at the moment. Nothing was recorded." },
    payload_too_large: { text: "The reason is too long. Nothing was recorded." },
    validation_error: { text: "The service did not understand the answer. Nothing was recorded." },
};

/**
 * Reads a response.
 *
 * @param {{ status: number, body: any, retryAfter: number } | undefined} response Undefined without a response in time. `retryAfter`: seconds, or NaN.
 * @param {{ action: string, isUnknown: boolean }} asked `isUnknown`: an earlier try has no known result.
 * @returns {{ kind: "recorded" | "refused" | "unknown", text: string, code?: string, isFinal?: boolean, isStale?: boolean,
 *     retryAfter?: number }}
 */
export function understood(response, { action, isUnknown }) {
    const { status, body, retryAfter } = response ?? {};
    if (status === 200 && body?.status) return { kind: "recorded", text: receipt(body, action) };
    const code = body?.error;
    const refusal = Object.hasOwn(REFUSALS, code ?? "") ? REFUSALS[code] : undefined;
    const isKnown = refusal && !(isUnknown && ABOUT_THIS_TRY.includes(code));
    if (!isKnown) return { kind: "unknown", text: `Not known yet whether you ${answerWords(action)}.`, retryAfter };
    const later = retryAfter > 0 ? ` Try again in ${retryAfter} s.` : "";
    const because = code === "validation_error" ? ` ${shown(body.message, 300)}` : later;
    return { isFinal: false, isStale: false, ...refusal, kind: "refused", code, text: refusal.text + because, retryAfter };
}

/** "Recorded: you approved. It waits for 1 more of dba." */
function receipt(body, action) {
    if (body.status === "pending") {
        const rest = missing(body);
        return `Recorded: you ${answerWords(action)}.${rest ? ` It waits for ${rest}.` : ""}`;
    }
    return `Recorded: you ${answerWords(action)}, which decided it.`;
}
