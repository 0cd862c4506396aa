/**
 * Places: the positions of an execution stream. Ids of the stream alone do not say which execution they belong to, so a place has the
 * execution, too, where it is known: `5 run`.
 */

/** The types of an execution's last event. */
export const FINAL_TYPES = new Set(["complete", "failed", "workflow_complete", "workflow_failed"]);

/** The place of an event. `run` may be undefined. */
export function executionPlace(id, run) {
    return run === undefined ? id : `${id} ${run}`;
}

/** The id that a place holds; empty if there is no place. */
export function idOfPlace(place) {
    return String(place ?? "").split(" ", 1)[0];
}

/** The execution that a place names; undefined if it names none. */
export function runOfPlace(place) {
    const [, run] = /^\d+ (.*)$/s.exec(place ?? "") ?? [];
    return run;
}

/** Compares two places like a comparator of `sort`; NaN if they are of two executions. */
export function compareExecutionPlaces(one, other) {
    const [first, second] = [runOfPlace(one), runOfPlace(other)];
    if (first !== undefined && second !== undefined && first !== second) return NaN;
    return Number(idOfPlace(one)) - Number(idOfPlace(other));
}

/** The execution that a response names in `Causeway-Execution`; undefined if it names none. */
export function runOfHeader(value) {
    return value === null ? undefined : decodeURIComponent(value);
}
