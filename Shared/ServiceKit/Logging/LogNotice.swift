import Basics
import Logging

/// Renders a sink's own lines, in the format and under the name of the affected logger.
struct LogNotice: Sendable {
    let label: String
    let render: @Sendable (LogLine) -> [UInt8]

    /// Returns the line that reports dropped lines.
    func dropped(_ lines: UInt64) -> [UInt8] {
        line("log lines were dropped: nobody read the log fast enough", .warning, source: "ServiceKit", ["log.dropped": "\(lines)"])
    }

    /// Returns the line that reports suppressed repetitions.
    func suppressed(_ summary: LogRepetition.Summary) -> [UInt8] {
        var metadata: Logger.Metadata = [LogKey.message: "\(summary.message)", LogKey.suppressed: "\(summary.count)"]
        if let tenant = summary.place.tenant { metadata[LogKey.tenant] = "\(tenant)" }
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
