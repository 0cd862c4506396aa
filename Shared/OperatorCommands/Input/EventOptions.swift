package import ArgumentParser

/// What describes one event on the command line, besides its payload and tenant: options of each command that publishes.
package struct EventOptions: ParsableArguments {
    @Option(help: "The event's type: lower-case words joined by dots.")
    package var type: String?

    @Option(help: "The only recipient; everyone in the tenant by default.")
    package var user: String?

    @Option(help: "The event's id, by which duplicates are detected.")
    package var id: String?

    @Option(help: "The event's time, such as 2024-04-01T14:32:10Z; now by default.")
    package var time: String?

    package init() {}

    /// Refuses options that describe one event in a command that reads events, because these have the members themselves.
    ///
    /// - Parameters:
    ///   - payload: the value of `--payload`.
    ///   - events: names the events that are read.
    package func refuse(payload: String?, with events: String) throws {
        for (name, value) in [("--user", user), ("--id", id), ("--time", time), ("--payload", payload)] where value != nil {
            throw ArgumentParser.ValidationError("\(name) needs --type; \(events) have these members themselves")
        }
    }
}
