import Basics
public import EventLog
public import Logging

/// Checks every two seconds whether the log is writable, as a condition of readiness.
///
/// Logs each change once: the log is where an operator learns what to fix.
public struct WriteWatch: Sendable {
    private static let interval: Duration = .seconds(2)

    private let log: EventLog
    private let streams: [SideStream]
    private let others: [SideStream]
    private let condition: String
    private let readiness: Readiness
    private let logger: Logger

    /// Creates a watch; ``run()`` starts it.
    ///
    /// - Parameters:
    ///   - streams: The side streams that the process writes to.
    ///   - others: Side streams without influence on readiness, only looked at for ``StreamMetrics``.
    ///   - condition: The condition's name.
    public init(
        log: EventLog,
        beside streams: [SideStream],
        lookingAt others: [SideStream] = [],
        condition: String,
        readiness: Readiness,
        logger: Logger
    ) {
        self.log = log
        self.streams = streams
        self.others = others
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
                // Only now: without the bus each question would wait for its time limit.
                await log.look(at: others)
            } catch {
                // A shutdown says nothing about the log.
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
            logger.error("events cannot be stored until nats-server or its stream is reconfigured", metadata: [LogKey.error: "\(fault)"])
        } else if fault == nil, known != nil {
            logger.notice("events can be stored again")
        }
    }
}
