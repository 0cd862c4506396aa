import Basics
import Dispatch
import Synchronization

/// The outstanding requests of one connection, by the last token of the subject their answers come on.
///
/// All of them share one subscription, `<inbox>.*`. A request leaves the table exactly once, by its answer, its deadline, its cancellation
/// the loss of the connection or the server's refusal, and whoever takes it out tells the caller. One timer serves all deadlines.
final class RequestTable: Sendable {
    private struct Entry {
        let reply: any PendingReply
        /// Where the request was sent.
        let subject: String
        let deadline: ContinuousClock.Instant
    }

    private struct Table {
        var entries: [UInt64: Entry] = [:]
        var isClosed = false
        /// When the timer will fire; nil if it is not set.
        var nextSweep: ContinuousClock.Instant?
    }

    /// Sweeps come no closer together than this, so that many different deadlines cannot make the table be walked all the time.
    private static let sweepInterval = Duration.milliseconds(5)

    /// What the reply subjects begin with, the last dot included.
    let inbox: String
    private let table = Mutex(Table())
    private let nextToken = Atomic<UInt64>(1)
    private let deadlines = DispatchQueue(label: "causeway.nats.request-deadlines", qos: .userInitiated)

    /// Creates a table with an inbox of its own.
    init(inboxPrefix: String) {
        inbox = "\(inboxPrefix).\(UniqueID.make())."
    }

    /// The subject of the one subscription.
    var subject: String { inbox + "*" }

    /// The number of outstanding requests.
    var count: Int { table.withLock { $0.entries.count } }

    /// A token that no other request of this table has or had.
    func makeToken() -> UInt64 {
        nextToken.add(1, ordering: .relaxed).oldValue
    }

    /// The subject on which the answer to a token comes.
    func replySubject(for token: UInt64) -> String {
        inbox + String(token, radix: 36)
    }

    /// Adds a request, which is about to be sent to `subject`. A closed table fails it at once.
    func insert(_ reply: any PendingReply, token: UInt64, subject: String, timeout: Duration) {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let isClosed = table.withLock { table in
            guard !table.isClosed else { return true }
            table.entries[token] = Entry(reply: reply, subject: subject, deadline: deadline)
            if table.nextSweep.map({ deadline < $0 }) ?? true {
                table.nextSweep = deadline
                scheduleSweep(at: deadline)
            }
            return false
        }
        if isClosed { reply.fail(with: .closed) }
    }

    /// Takes a request out without telling the caller; nil if it was out already.
    func remove(_ token: UInt64) -> (any PendingReply)? {
        table.withLock { $0.entries.removeValue(forKey: token)?.reply }
    }

    /// Ends a request without an answer, if it is still outstanding.
    func fail(_ token: UInt64, with error: NATSError) {
        remove(token)?.fail(with: error)
    }

    /// Ends the requests that the server did not permit: there will be no answer to them.
    func refuse(_ violation: PublishViolation) {
        let refused = table.withLock { table in
            let refused = table.entries.filter { violation.concerns($0.value.subject) }
            for token in refused.keys { table.entries[token] = nil }
            return refused
        }
        for entry in refused.values { entry.reply.fail(with: PublishViolation.error(publishingTo: entry.subject)) }
    }

    /// Ends all requests; new ones are accepted.
    func failAll(with error: NATSError) {
        let ended = table.withLock { table in
            defer { table.entries = [:] }
            return table.entries
        }
        for entry in ended.values { entry.reply.fail(with: error) }
    }

    /// Ends all requests, now and from now on.
    func close() {
        table.withLock { $0.isClosed = true }
        failAll(with: .closed)
    }

    /// Hands an answer to the request that it is for. One that comes too late, or twice, is for nobody and is dropped.
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

    /// Ends the requests whose deadline has passed, and sets the timer for the earliest of the others.
    private func sweep(scheduledFor sweep: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let expired: [Entry] = table.withLock { table in
            // An earlier deadline came in meanwhile and has a sweep of its own, which set the timer anew.
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
    /// Reads a number as `String(_:radix: 36)` writes it; nil if it is none.
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
