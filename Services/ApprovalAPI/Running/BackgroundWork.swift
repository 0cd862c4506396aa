import EventLog

/// What goes on behind the requests under the names of shared readings: what is done, and whether it runs.
struct BackgroundWork: Sendable {
    /// The name, as dead letters and metrics have it.
    let name: String
    /// Why it does not run, as a sentence; nil while it does.
    let fault: @Sendable () -> String?
}

extension [BackgroundWork] {
    /// Why some of it does not run; nil while all does.
    var fault: String? { lazy.compactMap { $0.fault() }.first }
}
