import AccessControl
import Basics
import EventModel
public import Logging

/// How a line of the log is written.
public protocol LogForm: Sendable {
    /// The line with its line end.
    static func render(_ line: LogLine) -> [UInt8]
}

/// Writes each log entry as one line to a sink: ``JSONLogHandler`` and ``TextLogHandler``.
public struct StructuredLogHandler<Form: LogForm>: LogHandler {
    /// The name of the logger.
    public let label: String
    /// Where lines go.
    public let sink: LogSink
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    /// Creates a handler for one logger.
    public init(
        label: String,
        sink: LogSink = .standardError,
        logLevel: Logger.Level = .info,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.sink = sink
        self.logLevel = logLevel
        self.metadataProvider = metadataProvider
    }

    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[Self.shownKey(key)] }
        set { metadata[Self.shownKey(key)] = newValue }
    }

    /// The key that lines show for `key`. Hummingbird stores and reads the id of a request under its own key, and its `RequestContext.id` traps
    /// without it; lines name the id as the edges do in `connection ended`.
    private static func shownKey(_ key: String) -> String {
        key == "hb.request.id" ? "request.id" : key
    }

    public func log(event: LogEvent) {
        let notice = LogNotice(label: label) { Form.render($0) }
        guard sink.admits(event, notice, place: place(of: event)) else { return }
        sink.write(Form.render(line(for: event)), notice)
    }

    /// Where an event comes from, and whom it is about.
    private func place(of event: LogEvent) -> LogRepetition.Place {
        func value(_ key: String) -> Logger.MetadataValue? { event.metadata?[key] ?? metadata[key] }
        return LogRepetition.Place(
            file: event.file,
            line: event.line,
            tenant: value("tenant")?.description,
            isTraced: value(TraceParent.logKey) != nil
        )
    }

    /// The event with everything that is attached to it; what is nearer to the event wins.
    private func line(for event: LogEvent) -> LogLine {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, nearer in nearer } }
        if let own = event.metadata { all.merge(own) { _, nearer in nearer } }
        if let error = event.error { all["error"] = "\(error)" }
        return LogLine(event: event, label: label, metadata: all, now: .now)
    }
}
