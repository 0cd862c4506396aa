/** Makes an id for a tab or a call. `crypto.randomUUID` is missing on pages that are not served securely. */
export function uniqueID() {
    return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-");
}
