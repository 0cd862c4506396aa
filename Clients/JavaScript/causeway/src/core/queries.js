/** Returns the parameter `types`, undefined for all types. Sorted, so that tabs that ask for the same types share a connection. */
export function typeList(types) {
    const list = typeof types === "string" ? types.split(",") : [...(types ?? [])];
    return list.length ? list.map((type) => type.trim()).sort().join(",") : undefined;
}

/** Sets the parameters of a URL's query that are not undefined. Changes the URL and returns it. */
export function withQuery(url, parameters) {
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
}
