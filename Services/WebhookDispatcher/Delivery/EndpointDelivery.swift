import Basics
import EventLog
import EventModel
import Webhooks

/// One endpoint while this process drives it: what may be sent next, what follows from an outcome, and what is to be stored. A pure value; the caller
/// supplies times and random numbers, and sends and stores.
struct EndpointDelivery {
    /// An attempt that was begun.
    struct Attempt {
        /// What is sent; its cursor has a meaning only for messages of the queue.
        let message: OutgoingMessage
        /// Whether it is a `webhook.ping`.
        let isPing: Bool
        fileprivate let round: EndpointHealth.Round
        fileprivate let generation: UInt64
    }

    /// What may be sent now.
    enum Next {
        /// A `webhook.ping`.
        case ping
        /// This message.
        case message(OutgoingMessage)
        /// Nothing before this time.
        case later(Timestamp)
        /// Nothing until more of the log was read.
        case starved
        /// Nothing until an attempt ends, or until the endpoint is enabled.
        case nothing
    }

    /// Messages under way at a time of an endpoint that takes several (contract §14).
    static let maximumWindow = 16

    /// The endpoint as it was last read or written.
    private(set) var stored: EndpointStore.Stored
    /// Its life.
    private(set) var health: EndpointHealth
    /// Its next messages.
    private(set) var queue: DeliveryQueue
    /// Counts how often somebody else changed state or cursor: outcomes of attempts from before decide nothing.
    private var generation: UInt64 = 0
    /// Attempts under way: of earlier generations too, since the receiver sees them.
    private(set) var underWayCount = 0

    /// Resumes from a record.
    init(_ stored: EndpointStore.Stored) {
        self.stored = stored
        health = EndpointHealth(stored.endpoint.state)
        queue = DeliveryQueue(after: stored.endpoint.cursor)
    }

    /// Its id.
    var id: EndpointID { stored.endpoint.id }

    // MARK: Sending

    /// Returns what may be sent at `now`.
    ///
    /// - Parameters:
    ///   - window: the share of a parallel endpoint, at least 1; see ``window(places:busy:)``.
    ///   - isAtHead: whether the queue is complete up to the end of the log.
    func next(at now: Timestamp, window: Int = Self.maximumWindow, isAtHead: Bool) -> Next {
        switch health.due(at: now) {
        case .never: return .nothing
        case .later(let time): return .later(time)
        case .ping: return underWayCount == 0 ? .ping : .nothing
        case .oldestEvent:
            guard underWayCount == 0 else { return .nothing }
            return queue.oldestWaiting.map { .message($0) } ?? (isAtHead ? .nothing : .starved)
        case .events:
            let limit = stored.endpoint.settings.isOrdered ? 1 : min(window, Self.maximumWindow)
            guard underWayCount < limit else { return .nothing }
            return queue.nextWaiting.map { .message($0) } ?? (isAtHead ? .nothing : .starved)
        }
    }

    /// Returns the window of a parallel endpoint: a part of its tenant's places, so that slow endpoints do not take those of the others.
    ///
    /// - Parameters:
    ///   - places: attempts that the tenant may have under way.
    ///   - busy: the tenant's endpoints that have something to send or under way.
    static func window(places: Int, busy: Int) -> Int { min(maximumWindow, max(1, places / max(1, busy))) }

    /// Begins an attempt at what ``next(at:window:isAtHead:)`` returned.
    mutating func start(_ message: OutgoingMessage, isPing: Bool = false) -> Attempt {
        underWayCount += 1
        if !isPing { queue.start(message) }
        return Attempt(message: message, isPing: isPing, round: health.round, generation: generation)
    }

    /// Applies an outcome.
    ///
    /// - Parameter random: in 0..<1, for the jitter.
    /// - Returns: what follows; `hold` for attempts of an earlier generation, which decide nothing.
    mutating func ended(_ attempt: Attempt, _ outcome: AttemptOutcome, at now: Timestamp, random: Double) -> EndpointHealth.Step {
        underWayCount -= 1
        guard attempt.generation == generation else { return .hold }
        let step = health.attemptEnded(outcome, in: attempt.round, at: now, random: random)
        guard !attempt.isPing else { return step }
        switch step {
        case .proceed: queue.take(attempt.message)
        case .hold: queue.putBack(attempt.message)
        case .retry, .disable:
            queue.putBack(attempt.message)
            // A retry is far away: what waits is read again then.
            queue.dropWaiting()
        }
        return step
    }

    // MARK: Reading

    /// Applies a change to the queue.
    mutating func read(_ change: (inout DeliveryQueue) -> Void) { change(&queue) }

    /// Begins behind a gap. Attempts under way decide nothing.
    mutating func begin(with gap: OutgoingMessage) {
        generation += 1
        queue.begin(with: gap)
    }

    /// Forgets what was read; what is under way is sent again.
    mutating func rewind() {
        generation += 1
        queue.reset(to: queue.position)
    }

    // MARK: Storing

    /// Whether the record lags behind.
    var isDirty: Bool { !queue.position.isIdentical(to: stored.endpoint.cursor) || health.state != stored.endpoint.state }

    /// The record as it is to be stored, compared with the revision that is known.
    var record: EndpointStore.Stored {
        var record = stored
        record.endpoint.cursor = queue.position
        record.endpoint.state = health.state
        return record
    }

    /// Records that ``record``, as it was then, was stored.
    mutating func written(_ stored: EndpointStore.Stored) { self.stored = stored }

    /// Adopts what somebody else stored: an administrator's cursor and state win, and what this process has reached stays otherwise.
    ///
    /// - Parameter known: the record that the other one was made from, as far as this process knows: ``stored``, or a write of its own whose
    ///   acknowledgement was lost.
    /// - Returns: whether the queue was emptied, so that the log must be read again.
    mutating func adopt(_ new: EndpointStore.Stored, insteadOf known: Endpoint) -> Bool {
        let endpoint = new.endpoint
        stored = new
        // A replay may begin at the stored cursor, which the progress is ahead of.
        let hasOtherCursor = endpoint.cursor != known.cursor || endpoint.replay != known.replay
        let hasOtherState = endpoint.state != known.state
        // A queue that was read for other events is of no use.
        guard hasOtherCursor || hasOtherState || endpoint.selection != known.selection else { return false }
        if hasOtherState { health = EndpointHealth(endpoint.state) }
        generation += 1
        queue.reset(to: hasOtherCursor ? endpoint.cursor : queue.position)
        return true
    }
}
