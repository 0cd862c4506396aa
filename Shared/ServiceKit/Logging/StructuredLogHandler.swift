import AccessControl
import Basics
public import Logging

/// The format of log lines.
public protocol LogForm: Sendable {
    /// Renders a line with its line end.
    static func render(_ line: LogLine) -> [UInt8]
}

/// Writes each log event as one line to a sink: ``JSONLogHandler`` and ``TextLogHandler``.
public struct StructuredLogHandler<Form: LogForm>: LogHandler {
    /// The logger's name.
    public let label: String
    /// The destination.
    public let sink: LogSink
    /// Minimum level.
    public var logLevel: Logger.Level
    /// The logger's metadata.
    public var metadata: Logger.Metadata = [:]
    /// Provides metadata of the current task.
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

    /// The logger's metadata by key.
    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[Self.shownKey(key)] }
        set { metadata[Self.shownKey(key)] = newValue }
    }

    /// The key that lines show for `key`. Hummingbird stores and reads the id of a request under its own key, and its `RequestContext.id` traps
    /// without it; lines name the id as the edges do in `connection ended`.
    private static func shownKey(_ key: String) -> String {
        key == "hb.request.id" ? LogKey.requestID : key
    }

    /// Writes an event, unless it is a suppressed repetition. Any thread; never blocks.
    public func log(event: LogEvent) {
        let notice = LogNotice(label: label) { Form.render($0) }
        guard sink.admits(event, notice, place: place(of: event)) else { return }
        sink.write(Form.render(line(for: event)), notice)
    }

    /// Returns the source location and tenant of an event.
    private func place(of event: LogEvent) -> LogRepetition.Place {
        func value(_ key: String) -> Logger.MetadataValue? { event.metadata?[key] ?? metadata[key] }
        return LogRepetition.Place(
            file: event.file,
            line: event.line,
            tenant: value(LogKey.tenant)?.description,
            isTraced: value(LogKey.traceID) != nil
        )
    }

    /// Collects an event's metadata; that of the event wins.
    private func line(for event: LogEvent) -> LogLine {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, nearer in nearer } }
        if let own = event.metadata { all.merge(own) { _, nearer in nearer } }
        if let error = event.error { all["error"] = "\(error)" }
        return LogLine(event: event, label: label, metadata: all, now: .now)
    }
}
