import EventModel
import NATSClient

/// Reads one source's past through a server-side filter.
///
/// A consumer of nats-server 2.9 has one filter, and `events.<tenant>.>` does not match the bare subject `events.<tenant>`, which a producer may
/// use. If it has messages in the range, a second consumer reads them and the results are merged.
struct FilteredRead {
    private let pendingRead: PendingRead
    private let log: EventLog

    init(_ pendingRead: PendingRead, of log: EventLog) {
        self.pendingRead = pendingRead
        self.log = log
    }

    /// Runs the read. When it returns, the pending read is settled.
    func run() async {
        switch pendingRead.source {
        case .events(let tenant): await run(EventMessage.filters(of: tenant))
        case .execution(let reference): await StreamScan([pendingRead], filter: reference.subject, of: log).run()
        }
    }

    private func run(_ filters: (alone: String, below: String)) async {
        do throws(EventLogError) {
            guard let last = try await log.lastSequence(on: filters.alone), last > pendingRead.after else {
                return await StreamScan([pendingRead], filter: filters.below, of: log).run()
            }
            async let below = part(filters.below)
            async let alone = part(filters.alone)
            switch await (below, alone) {
            case (.read(let below), .read(let alone)): pendingRead.settle(with: Self.merge(below, alone))
            case (.failed(let error), _), (_, .failed(let error)): pendingRead.fail(error)
            }
        } catch {
            pendingRead.fail(error)
        }
    }

    private func part(_ filter: String) async -> PendingRead.Outcome {
        let part = pendingRead.copy()
        await StreamScan([part], filter: filter, of: log).run()
        return await part.outcome()
    }

    /// Merges two reads in the log's order, as far as both are complete.
    static func merge(_ left: LogRead, _ right: LogRead) -> LogRead {
        let position = min(left.position, right.position)
        let entries = (left.entries + right.entries).filter { $0.sequence <= position }.sorted { $0.sequence < $1.sequence }
        return LogRead(entries: entries, position: position)
    }
}
