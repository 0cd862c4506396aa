import Logging
import Synchronization

/// Records log lines.
final class LogLines: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: Logger.Metadata

        subscript(key: String) -> String? { self.metadata[key].map(\.description) }
    }

    private let lines = Mutex<[Line]>([])

    func named(_ message: String) -> [Line] { self.lines.withLock { $0.filter { $0.message == message } } }

    struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(level: event.level, message: "\(event.message)", metadata: self.metadata.merging(event.metadata ?? [:]) { $1 })
            self.lines.lines.withLock { $0.append(line) }
        }
    }
}
