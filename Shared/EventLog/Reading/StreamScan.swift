import Basics
import EventModel
import NATSClient
import Synchronization

/// One pass over the stream that fills the pending reads of its participants: one source with a filter, or many without.
final class StreamScan: Sendable {
    private struct State {
        var position: ScanPosition
        var pendingReads: [String: [PendingRead]] = [:]
        /// Number of unsettled pending reads, as far as the scan knows.
        var open = 0
        /// The lowest end among the open pending reads: no check is needed before it.
        var nextEnd = UInt64.max
        var isOver = false
    }

    private let log: EventLog
    private let filter: String?
    /// The participants that were there before the server counted what is pending. For one that joined later, an event may be stored behind the
    /// message that was the last one.
    private let counted: Set<UInt64>
    /// Whether the server's pending count marks the end. A lagging replica counts to its own end.
    private let trustsCount: Bool
    private let state: Mutex<State>
    /// Raised when the scan is at its end, or cannot continue.
    private let ended = Signal()

    /// Heartbeat interval of the idle consumer. The pending count may be too high for good when messages that wait are dropped (``StreamReading``): the log
    /// replaces none, but drops by age and size. Then the first heartbeat tells the end (``everythingDelivered(through:)``).
    private static let heartbeat: Duration = .milliseconds(100)
    private static let maximumSilence: Duration = .seconds(2)
    /// Maximum number of messages in flight in a filtered read: those that follow its end are wasted. The server searches for all of them at once, and
    /// acknowledgements of producers wait meanwhile: with 256, they took twice as long beside a fleet that resumes.
    private static let filteredWindow: UInt64 = 32
    /// Maximum number of messages in flight in a scan of everything. The server sends the acknowledgements of producers in the same queue: the
    /// megabytes of flow control delayed them by 60 ms.
    private static let unfilteredWindow: UInt64 = 256

    /// - Parameters:
    ///   - pendingReads: The participants; at least one.
    ///   - filter: The subjects to read; nil for all.
    ///   - log: The log to read.
    init(_ pendingReads: [PendingRead], filter: String?, of log: EventLog) {
        self.log = log
        self.filter = filter
        counted = Set(pendingReads.map(\.id))
        trustsCount = !log.isReplicated
        state = Mutex(State(position: ScanPosition(after: pendingReads.map(\.after).min() ?? 0)))
        for pendingRead in pendingReads { _ = join(pendingRead) }
    }

    /// Adds a participant, unless the scan has passed its start or has ended. Any thread.
    func join(_ pendingRead: PendingRead) -> Bool {
        state.withLock { state in
            guard !state.isOver, pendingRead.after >= state.position.found else { return false }
            state.pendingReads[pendingRead.source.key, default: []].append(pendingRead)
            state.open += 1
            state.nextEnd = min(state.nextEnd, pendingRead.through)
            return true
        }
    }

    /// Runs the scan. When it returns, every pending read is settled.
    func run() async {
        let failure: EventLogError
        do throws(EventLogError) {
            let selection = StreamConsumer.Selection(
                after: state.withLock { $0.position.found },
                filter: filter,
                heartbeat: Self.heartbeat,
                window: filter == nil ? Self.unfilteredWindow : Self.filteredWindow
            )
            let consumer = try await StreamConsumer.start(selection, on: log, delegate: self)
            if consumer.beganAtEnd { reachedEnd() }
            while !isOver, consumer.isUnbroken, consumer.silence() < Self.maximumSilence {
                await ended.wait(atMost: Self.heartbeat)
                settleOverdue(now: .now)
            }
            consumer.stop()
            failure = .unavailable("The log could not be read to the end. Try again in a moment.")
        } catch {
            failure = error
        }
        finish(failure)
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    /// Settles reads at the end: no participant that was counted asked for more than the log had reached. The others go on.
    private func reachedEnd() {
        guard trustsCount else { return }
        sweep { pendingRead, position in
            if counted.contains(pendingRead.id) {
                pendingRead.settle(completeThrough: pendingRead.through)
            } else if pendingRead.through <= position {
                pendingRead.settle(completeThrough: position)
            }
        }
    }

    /// Settles the remaining reads with what they have.
    private func finish(_ failure: EventLogError) {
        let (pendingReads, position) = state.withLock { state in
            state.isOver = true
            defer { state.pendingReads = [:] }
            return (state.pendingReads.values.joined(), state.position.handedOut)
        }
        for pendingRead in pendingReads { pendingRead.settle(completeThrough: position, otherwise: failure) }
    }

    /// Settles the reads whose end is reached.
    private func settleComplete() {
        sweep { pendingRead, position in
            if pendingRead.through <= position { pendingRead.settle(completeThrough: position) }
        }
    }

    /// Settles reads that timed out, and forgets cancelled ones.
    private func settleOverdue(now: ContinuousClock.Instant) {
        sweep { pendingRead, position in
            guard pendingRead.deadline <= now else { return }
            pendingRead.settle(
                completeThrough: position,
                otherwise: EventLogError(code: .timeout, message: "The log did not get there in time. Try again.")
            )
        }
    }

    /// Applies `settle` to every pending read, removes the settled ones, and ends the scan when none is left.
    private func sweep(_ settle: (PendingRead, _ position: UInt64) -> Void) {
        let isOver = state.withLock { state in
            for (token, pendingReads) in state.pendingReads {
                let open = pendingReads.filter { pendingRead in
                    settle(pendingRead, state.position.handedOut)
                    return !pendingRead.isSettled
                }
                state.pendingReads[token] = open.isEmpty ? nil : open
            }
            state.open = state.pendingReads.values.reduce(0) { $0 + $1.count }
            state.nextEnd = state.pendingReads.values.joined().map(\.through).min() ?? .max
            state.isOver = state.open == 0
            return state.isOver
        }
        if isOver { ended.raise() }
    }
}

extension StreamScan: StreamConsumerDelegate {
    func messageDelivered(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) {
        let sequence = metadata.streamSequence
        let key = delivery.withSubject { LogSource.key(of: $0) }
        let (takers, isEnd) = state.withLock { state in
            guard state.position.entryFound(sequence) else { return ([] as [PendingRead], false) }
            let takers = key.flatMap { state.pendingReads[$0] } ?? []
            return (takers, sequence >= state.nextEnd)
        }
        // Decode at most once, and only if a reader wants it. The feed has already reported messages that are not events.
        if takers.contains(where: { $0.after < sequence && sequence <= $0.through }),
            let entry = try? EventMessage.entry(delivery, metadata)
        {
            for pendingRead in takers { pendingRead.take(entry) }
        }
        state.withLock { $0.position.entryHandedOut() }
        if metadata.pending == 0 {
            reachedEnd()
        }
        if isEnd || takers.contains(where: \.isSettled) { settleComplete() }
    }

    func everythingDelivered(through sequence: UInt64) {
        state.withLock { $0.position.nothingElse(through: sequence) }
        settleComplete()
    }

    func deliveryBroken() { ended.raise() }
}
