import EventLog

/// A shared reading of the background work, with its status.
struct BackgroundWork: Sendable {
    /// Its name in dead letters and metrics.
    let name: String
    /// The message why it is stopped; nil while it runs.
    let fault: @Sendable () -> String?
}

extension [BackgroundWork] {
    /// The first fault; nil while all run.
    var fault: String? { lazy.compactMap { $0.fault() }.first }
}
