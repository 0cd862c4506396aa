import Basics
import EventModel
import NATSClient
import Synchronization

/// One pass over the stream that fills the pending reads of all who take part: of one tenant through a filter, or of many without.
final class StreamScan: Sendable {
    private struct State {
        var position: ScanPosition
        var pendingReads: [String: [PendingRead]] = [:]
        /// How many pending reads are not settled, as far as the scan knows.
        var open = 0
        /// The lowest end among the open pending reads: until then nothing needs to be looked through.
        var nextEnd = UInt64.max
        var isOver = false
    }

    private let log: EventLog
    private let filter: String?
    /// Whether the server's count of what is to come can be taken for the end. A replica that is behind counts to its own end.
    private let trustsCount: Bool
    private let state: Mutex<State>
    /// Raised when the pass has come to its end, or cannot go on.
    private let ended = Signal()

    /// How soon the server says that there is nothing more, in case its count of what is to come is off.
    private static let heartbeat: Duration = .milliseconds(100)
    private static let maximumSilence: Duration = .seconds(2)
    /// How many messages of one tenant are under way at a time.
    private static let filteredWindow: UInt64 = 256

    /// - Parameters:
    ///   - pendingReads: who takes part; at least one.
    ///   - filter: the subjects to read; nil for all.
    ///   - log: what is read.
    init(_ pendingReads: [PendingRead], filter: String?, of log: EventLog) {
        self.log = log
        self.filter = filter
        trustsCount = !log.isReplicated
        state = Mutex(State(position: ScanPosition(after: pendingReads.map(\.after).min() ?? 0)))
        for pendingRead in pendingReads { _ = join(pendingRead) }
    }

    /// Takes one more in, unless the pass is already beyond where it would have to begin, or over. Any thread.
    func join(_ pendingRead: PendingRead) -> Bool {
        state.withLock { state in
            guard !state.isOver, pendingRead.after >= state.position.found else { return false }
            state.pendingReads[pendingRead.source.key, default: []].append(pendingRead)
            state.open += 1
            state.nextEnd = min(state.nextEnd, pendingRead.through)
            return true
        }
    }

    /// Makes the pass. When it returns, every pending read is settled.
    func run() async {
        let failure: EventLogError
        do throws(EventLogError) {
            let selection = StreamConsumer.Selection(
                after: state.withLock { $0.position.found },
                filter: filter,
                heartbeat: Self.heartbeat,
                window: filter == nil ? nil : Self.filteredWindow
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

    /// There is nothing more, and everybody asked for no more than the log has reached.
    private func reachedEnd() {
        guard trustsCount else { return }
        sweep { pendingRead, _ in pendingRead.settle(completeThrough: pendingRead.through) }
    }

    /// Gives everybody who is left what there is.
    private func finish(_ failure: EventLogError) {
        let (pendingReads, position) = state.withLock { state in
            state.isOver = true
            defer { state.pendingReads = [:] }
            return (state.pendingReads.values.joined(), state.position.handedOut)
        }
        for pendingRead in pendingReads { pendingRead.settle(completeThrough: position, otherwise: failure) }
    }

    /// Those for whom the pass has come far enough are complete.
    private func settleComplete() {
        sweep { pendingRead, position in
            if pendingRead.through <= position { pendingRead.settle(completeThrough: position) }
        }
    }

    /// Those whose time is over, or who gave up, are not waited for.
    private func settleOverdue(now: ContinuousClock.Instant) {
        sweep { pendingRead, position in
            guard pendingRead.deadline <= now else { return }
            pendingRead.settle(
                completeThrough: position,
                otherwise: EventLogError(code: .timeout, message: "The log did not get there in time. Try again.")
            )
        }
    }

    /// Lets `settle` look at every pending read, forgets those that are settled, and ends the pass when none is left.
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
        // Decoded at most once, and only if somebody wants it. What is no event was reported by the feed when it came.
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
