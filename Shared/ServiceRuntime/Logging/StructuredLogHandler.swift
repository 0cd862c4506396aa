import AccessControl
import Basics
import EventModel
public import Logging

/// What the two log handlers have in common: they differ in how they render one line.
public protocol StructuredLogHandler: LogHandler {
    /// The name of the logger.
    var label: String { get }
    /// Where lines go.
    var sink: LogSink { get }
}

extension StructuredLogHandler {
    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// The event with everything that is attached to it; what is nearer to the event wins.
    func line(for event: LogEvent) -> LogLine {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, nearer in nearer } }
        if let own = event.metadata { all.merge(own) { _, nearer in nearer } }
        if let error = event.error { all["error"] = "\(error)" }
        return LogLine(event: event, label: label, metadata: all, now: .now)
    }
}
