import Basics
import Dispatch
import Synchronization

/// The outstanding requests of a connection, keyed by the last token of the reply subject.
///
/// They share one subscription, `<inbox>.*`. A request is removed exactly once: by its answer, its deadline, its cancellation, a lost
/// connection or the server's refusal; the code that removes it answers the caller. One timer serves all deadlines.
final class RequestTable: Sendable {
    private struct Entry {
        let reply: any PendingReply
        let deadline: ContinuousClock.Instant
    }

    private struct Table {
        var entries: [UInt64: Entry] = [:]
        var isClosed = false
        /// When the timer fires; nil if it is not set.
        var nextSweep: ContinuousClock.Instant?
    }

    /// Minimum interval between sweeps, so that many different deadlines do not cause constant scans of the table.
    private static let sweepInterval = Duration.milliseconds(5)

    /// Prefix of the reply subjects, with the last dot.
    let inbox: String
    private let table = Mutex(Table())
    private let nextToken = Atomic<UInt64>(1)
    private let deadlines = DispatchQueue(label: "causeway.nats.request-deadlines", qos: .userInitiated)

    /// Creates a table with a new inbox.
    init(inboxPrefix: String) {
        inbox = "\(inboxPrefix).\(UniqueID.make())."
    }

    /// The subject of the shared subscription.
    var subject: String { inbox + "*" }

    /// Number of outstanding requests.
    var count: Int { table.withLock { $0.entries.count } }

    /// Returns a token that is unique in this table.
    func makeToken() -> UInt64 { makeTokens(1).lowerBound }

    /// Returns tokens that are unique in this table.
    func makeTokens(_ count: Int) -> Range<UInt64> {
        let first = nextToken.add(UInt64(count), ordering: .relaxed).oldValue
        return first..<first + UInt64(count)
    }

    /// Returns the reply subject of a token.
    func replySubject(for token: UInt64) -> String {
        inbox + String(token, radix: 36)
    }

    /// Adds a request that is about to be sent. A closed table fails it at once.
    func insert(_ reply: any PendingReply, token: UInt64, timeout: Duration) {
        insert(CollectionOfOne(reply), tokens: token..<token + 1, timeout: timeout)
    }

    /// Adds requests that are about to be sent; takes the lock once. A closed table fails them at once.
    func insert(_ replies: some Collection<any PendingReply>, tokens: Range<UInt64>, timeout: Duration) {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let isClosed = table.withLock { table in
            guard !table.isClosed else { return true }
            for (token, reply) in zip(tokens, replies) { table.entries[token] = Entry(reply: reply, deadline: deadline) }
            if table.nextSweep.map({ deadline < $0 }) ?? true {
                table.nextSweep = deadline
                scheduleSweep(at: deadline)
            }
            return false
        }
        if isClosed {
            for reply in replies { reply.fail(with: .closed) }
        }
    }

    /// Removes a request without answering the caller; nil if it was removed before.
    func remove(_ token: UInt64) -> (any PendingReply)? {
        table.withLock { $0.entries.removeValue(forKey: token)?.reply }
    }

    /// Fails a request, if it is still outstanding.
    func fail(_ token: UInt64, with error: NATSError) {
        remove(token)?.fail(with: error)
    }

    /// Fails the requests that the server denied: they get no answer.
    func refuse(_ violation: PublishViolation) {
        let refused = table.withLock { table in
            let refused = table.entries.filter { violation.concerns($0.value.reply.subject) }
            for token in refused.keys { table.entries[token] = nil }
            return refused
        }
        for entry in refused.values { entry.reply.fail(with: PublishViolation.error(publishingTo: entry.reply.subject)) }
    }

    /// Fails all requests; accepts new ones.
    func failAll(with error: NATSError) {
        let ended = table.withLock { table in
            defer { table.entries = [:] }
            return table.entries
        }
        for entry in ended.values { entry.reply.fail(with: error) }
    }

    /// Fails all requests, current and future.
    func close() {
        table.withLock { $0.isClosed = true }
        failAll(with: .closed)
    }

    /// Resolves the request of an answer. Late and repeated answers are dropped.
    ///
    /// Called on a delivery thread of nats.c.
    func received(_ delivery: borrowing NATSDelivery) {
        let token = delivery.withSubject { subject in
            UInt64(radix36: UnsafeRawBufferPointer(rebasing: subject.dropFirst(inbox.utf8.count)))
        }
        guard let token, let reply = remove(token) else { return }
        reply.resolve(with: delivery)
    }

    private func scheduleSweep(at deadline: ContinuousClock.Instant) {
        let delay = max(Self.sweepInterval, ContinuousClock.now.duration(to: deadline))
        deadlines.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: delay.nanoseconds))) { [weak self] in
            self?.sweep(scheduledFor: deadline)
        }
    }

    /// Fails requests past their deadline, and sets the timer for the next deadline.
    private func sweep(scheduledFor sweep: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let expired: [Entry] = table.withLock { table in
            // An earlier deadline was inserted meanwhile; its sweep has set the timer again.
            guard table.nextSweep == sweep else { return [] }
            var expired: [Entry] = []
            var earliest: ContinuousClock.Instant?
            for (token, entry) in table.entries {
                if entry.deadline <= now {
                    expired.append(entry)
                    table.entries[token] = nil
                } else if earliest.map({ entry.deadline < $0 }) ?? true {
                    earliest = entry.deadline
                }
            }
            table.nextSweep = earliest
            if let earliest { scheduleSweep(at: earliest) }
            return expired
        }
        for entry in expired { entry.reply.fail(with: .timeout) }
    }
}

extension UInt64 {
    /// Parses a number as `String(_:radix: 36)` writes it; nil if malformed.
    init?(radix36 digits: UnsafeRawBufferPointer) {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            let place: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): place = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): place = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            let (product, overflow) = value.multipliedReportingOverflow(by: 36)
            let (sum, carry) = product.addingReportingOverflow(UInt64(place))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        self = value
    }
}
