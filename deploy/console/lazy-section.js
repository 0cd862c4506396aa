// A section whose modules are loaded when it is opened for the first time.

export class LazySection {
    #load;
    #onFailed;
    #section;
    /** The ids of the address while the section is open. */
    #visited;
    #isLoading = false;

    /** `load()`: resolves with the section. `onFailed()`: called when its modules could not be loaded. */
    constructor(load, onFailed) {
        this.#load = load;
        this.#onFailed = onFailed;
    }

    visit(...ids) {
        this.#visited = ids;
        if (this.#section) this.#section.visit(...ids);
        else if (!this.#isLoading) void this.#open();
    }

    leave() {
        this.#visited = undefined;
        this.#section?.leave();
    }

    take(record, isNew) {
        this.#section?.take?.(record, isNew);
    }

    close() {
        this.#section?.close();
    }

    async #open() {
        this.#isLoading = true;
        try {
            this.#section = await this.#load();
            if (this.#visited) this.#section.visit(...this.#visited);
        } catch {
            this.#onFailed();
        }
        this.#isLoading = false;
    }
}
