public import EventLog
public import Logging

/// Asks the log every two seconds whether it can be written to, and makes the answer a condition of readiness.
///
/// A change is one line of the process' log, because clients are not told what an operator has to mend.
public struct WriteWatch: Sendable {
    private static let interval: Duration = .seconds(2)

    private let log: EventLog
    private let streams: [SideStream]
    private let condition: String
    private let readiness: Readiness
    private let logger: Logger

    /// A watch that has not begun.
    ///
    /// - Parameters:
    ///   - streams: the streams beside the log that the process writes to.
    ///   - condition: the name of the condition.
    public init(log: EventLog, beside streams: [SideStream], condition: String, readiness: Readiness, logger: Logger) {
        self.log = log
        self.streams = streams
        self.condition = condition
        self.readiness = readiness
        self.logger = logger
    }

    /// Watches until the task is cancelled.
    public func run() async {
        var known: String?
        while !Task.isCancelled {
            var fault: String?
            do throws(EventLogError) {
                try await log.checkWritable(beside: streams)
                readiness.set(condition, .ready)
            } catch {
                // The shutdown says nothing about the log.
                if error.code == .cancelled { return }
                readiness.set(condition, .notReady(error.message))
                if !error.isRetriable { fault = error.message }
            }
            report(fault, after: known)
            known = fault
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func report(_ fault: String?, after known: String?) {
        if let fault, fault != known {
            logger.error("nothing can be stored until somebody changes something on the bus", metadata: ["error": "\(fault)"])
        } else if fault == nil, known != nil {
            logger.notice("events can be stored again")
        }
    }
}
