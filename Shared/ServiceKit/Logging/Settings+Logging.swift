import Glibc
import Logging

extension Settings {
    /// Makes the log of this process: the handlers that every `Logger` from now on has, writing to standard error as `log.level` and
    /// `log.format` say. At most once in a process, and before anything logs. From then on `exit` waits a moment for the last lines.
    public func bootstrapLogging() {
        atexit { LogSink.standardError.flushAtExit() }
        LoggingSystem.bootstrap(logHandler, metadataProvider: LoggingSystem.metadataProvider)
    }

    /// The handler of the logger named `label`.
    func logHandler(label: String, metadataProvider: Logger.MetadataProvider?) -> any LogHandler {
        // The kind of `log.level` allows the levels of swift-log and nothing else.
        let level = Logger.Level(rawValue: string(.logLevel)) ?? .info
        return switch string(.logFormat) {
        case "text": TextLogHandler(label: label, logLevel: level, metadataProvider: metadataProvider)
        default: JSONLogHandler(label: label, logLevel: level, metadataProvider: metadataProvider)
        }
    }
}
