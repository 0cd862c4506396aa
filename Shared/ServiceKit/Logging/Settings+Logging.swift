import Glibc
import Logging

/// The format of log lines: the values of `log.format`.
public enum LogFormat: String, Sendable, CaseIterable {
    /// One JSON object a line, ``JSONLogHandler``.
    case json
    /// Text for people, ``TextLogHandler``.
    case text
}

extension Settings {
    /// Sets up logging: every `Logger` from now on writes to standard error according to `log.level` and `log.format`. At most once per process,
    /// before anything logs. Afterwards `exit` waits briefly for the last lines. Logs one warning if settings are given by their former names.
    public func bootstrapLogging() {
        atexit { LogSink.standardError.flushAtExit() }
        LoggingSystem.bootstrap(logHandler, metadataProvider: LoggingSystem.metadataProvider)
        if let formerNames { Logger(label: schema.program).warning("\(formerNames)") }
    }

    /// Returns the handler of the logger `label`.
    func logHandler(label: String, metadataProvider: Logger.MetadataProvider?) -> any LogHandler {
        switch self[.logFormat] {
        case .json: JSONLogHandler(label: label, logLevel: self[.logLevel], metadataProvider: metadataProvider)
        case .text: TextLogHandler(label: label, logLevel: self[.logLevel], metadataProvider: metadataProvider)
        }
    }
}
