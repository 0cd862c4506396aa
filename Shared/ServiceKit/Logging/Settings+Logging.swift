import Glibc
import Logging

extension Settings {
    /// Sets up logging: every `Logger` from now on writes to standard error according to `log.level` and `log.format`. At most once per process,
    /// before anything logs. Afterwards `exit` waits briefly for the last lines.
    public func bootstrapLogging() {
        atexit { LogSink.standardError.flushAtExit() }
        LoggingSystem.bootstrap(logHandler, metadataProvider: LoggingSystem.metadataProvider)
    }

    /// Returns the handler of the logger `label`.
    func logHandler(label: String, metadataProvider: Logger.MetadataProvider?) -> any LogHandler {
        // `log.level` allows only swift-log's levels.
        let level = Logger.Level(rawValue: string(.logLevel)) ?? .info
        return switch string(.logFormat) {
        case "text": TextLogHandler(label: label, logLevel: level, metadataProvider: metadataProvider)
        default: JSONLogHandler(label: label, logLevel: level, metadataProvider: metadataProvider)
        }
    }
}
