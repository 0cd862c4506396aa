// The former address of the browser client, for pages that import it.
export * from "./causeway/causeway.js";
