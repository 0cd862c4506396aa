import EventModel
import NATSClient

/// Reads one source's past through a server-side filter, for readers near each other (``ReadPlan``).
///
/// A consumer of nats-server 2.9 has one filter, and `events.<tenant>.>` does not match the bare subject `events.<tenant>`, which a producer may
/// use. If it has messages in the range, a second consumer reads them and the results are merged.
struct FilteredRead {
    /// One reader's two parts, by subject.
    private struct Parts {
        let whole: PendingRead
        let below: PendingRead
        let alone: PendingRead

        init(of whole: PendingRead) {
            self.whole = whole
            below = whole.copy()
            alone = whole.copy()
        }
    }

    private let pendingReads: [PendingRead]
    private let source: LogSource
    private let log: EventLog

    /// - Parameter pendingReads: reads of the source; at least one.
    init(_ pendingReads: [PendingRead], of source: LogSource, in log: EventLog) {
        self.pendingReads = pendingReads
        self.source = source
        self.log = log
    }

    /// Runs the read. When it returns, the pending reads are settled.
    func run() async {
        switch source {
        case .events(let tenant): await run(EventMessage.filters(of: tenant))
        case .execution(let reference): await StreamScan(pendingReads, filter: reference.subject, of: log).run()
        }
    }

    private func run(_ filters: (alone: String, below: String)) async {
        let last: UInt64
        do throws(EventLogError) {
            // After the last message of a subject was deleted, nats-server 2.9 reports none, also when it has others.
            last = try await log.lastSequence(on: filters.alone) ?? (log.hasDeletions ? .max : 0)
        } catch {
            for pendingRead in pendingReads { pendingRead.fail(error) }
            return
        }
        let complete = pendingReads.filter { $0.after >= last }
        let divided = pendingReads.filter { $0.after < last }.map(Parts.init)
        async let below: Void = scan(complete + divided.map(\.below), filter: filters.below)
        async let alone: Void = scan(divided.map(\.alone), filter: filters.alone)
        _ = await (below, alone)
        for parts in divided {
            switch await (parts.below.outcome(), parts.alone.outcome()) {
            case (.read(let below), .read(let alone)): parts.whole.settle(with: Self.merge(below, alone))
            case (.failed(let error), _), (_, .failed(let error)): parts.whole.fail(error)
            }
        }
    }

    private func scan(_ pendingReads: [PendingRead], filter: String) async {
        guard !pendingReads.isEmpty else { return }
        await StreamScan(pendingReads, filter: filter, of: log).run()
    }

    /// Merges two reads in the log's order, as far as both are complete.
    static func merge(_ left: LogRead, _ right: LogRead) -> LogRead {
        let position = min(left.position, right.position)
        let entries = (left.entries + right.entries).filter { $0.sequence <= position }.sorted { $0.sequence < $1.sequence }
        return LogRead(entries: entries, position: position)
    }
}
