import Basics
import Logging

/// How a sink renders lines of its own: in the form, and under the name, of the logger whose lines they are about.
struct LogNotice: Sendable {
    let label: String
    let render: @Sendable (LogLine) -> [UInt8]

    /// The line that stands where lines were dropped.
    func dropped(_ lines: UInt64) -> [UInt8] {
        line("log lines were dropped: nobody read the log fast enough", .warning, source: "ServiceKit", ["log.dropped": "\(lines)"])
    }

    /// The line that stands for repeated ones.
    func suppressed(_ summary: LogRepetition.Summary) -> [UInt8] {
        var metadata: Logger.Metadata = ["log.message": "\(summary.message)", "log.suppressed": "\(summary.count)"]
        if let tenant = summary.place.tenant { metadata["tenant"] = "\(tenant)" }
        return line("repeated log lines were suppressed", summary.level, source: summary.source, metadata)
    }

    private func line(_ message: Logger.Message, _ level: Logger.Level, source: String, _ metadata: Logger.Metadata) -> [UInt8] {
        let event = LogEvent(
            level: level,
            message: message,
            metadata: nil,
            source: source,
            file: #fileID,
            function: #function,
            line: #line
        )
        return render(LogLine(event: event, label: label, metadata: metadata, now: .now))
    }
}
