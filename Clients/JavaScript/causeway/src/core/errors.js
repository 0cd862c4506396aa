/** An error with a `code`: a word such as `unauthorized`, or the number of a JSON-RPC error, with that error's `data`. */
export class CausewayError extends Error {
    constructor(code, message = String(code), data = undefined) {
        super(message);
        this.name = "CausewayError";
        this.code = code;
        this.data = data;
    }
}
