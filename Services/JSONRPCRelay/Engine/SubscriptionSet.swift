import Basics
import EdgeRuntime
import EventModel

/// The subscriptions of a connection. Selects the log entries that it gets, each once, however many of its subscriptions match.
///
/// The connection reads the log entry by entry from its position. A subscription that wants older entries moves the position back,
/// and the entries between are read again; those pushed on the first pass are not pushed on the second. For that the set keeps the
/// processed ranges of each topic. A topic without a subscription is forgotten: a later subscription that asks for old entries gets
/// all of them.
///
/// One array instead of a table of topics, because most connections have one subscription.
struct SubscriptionSet: Sendable {
    /// The most ranges kept for a topic. Only subscriptions that step back through the log add ranges; a client that takes more steps
    /// than this gets some entries twice rather than not at all.
    static let maximumRanges = 32

    /// Entries processed on an earlier pass: `lower < sequence <= upper`.
    private struct PassedRange: Sendable {
        var lower: UInt64
        var upper: UInt64
    }

    private struct Row: Sendable {
        let subscription: Subscription
        /// The sequence after which it wants entries; the greatest number until its cursor is resolved.
        var from = UInt64.max
        /// The log's end when the first subscription of its topic began: from there on the topic has had one without a break.
        var begun: UInt64 = 0
        /// The topic's ranges, ordered and disjoint. Equal in all rows of the topic that have begun.
        var settled: [PassedRange] = []

        var hasBegun: Bool { from != .max }
    }

    /// In order of creation; few enough for a linear search.
    private var rows: [Row] = []

    /// The number of subscriptions.
    var count: Int { rows.count }

    /// The subscriptions, in order of creation.
    var all: [Subscription] { rows.map(\.subscription) }

    /// The topics with the lowest sequences after which they are pushed, in any order.
    var topics: [TopicSubscription] {
        begun().map { TopicSubscription(topic: $0.key, after: $0.value.from) }
    }

    /// Which entries of a topic with these sequences are to be pushed. Called for the entries of the tenant.
    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic) -> RunVerdict {
        var from = UInt64.max
        var place: Int?
        // By index: a copy of the row would cost reference counting.
        for index in rows.indices where rows[index].from < from && rows[index].subscription.topic == topic {
            from = rows[index].from
            place = index
        }
        guard let place, from < sequences.upperBound else { return .none }
        for index in rows[place].settled.indices {
            let (lower, upper) = (rows[place].settled[index].lower, rows[place].settled[index].upper)
            guard lower < sequences.upperBound, sequences.lowerBound <= upper else { continue }
            return lower < sequences.lowerBound && sequences.upperBound <= upper ? .none : .each
        }
        return from < sequences.lowerBound ? .all : .each
    }

    /// Adds a subscription that begins with ``begin(_:from:position:end:)``.
    mutating func add(_ subscription: Subscription) { rows.append(Row(subscription: subscription)) }

    /// Begins to push for a subscription. Does nothing if it was removed meanwhile.
    ///
    /// Entries that were stored since its topic has a subscription, and that the connection has not read yet, are the client's, whichever of its
    /// subscriptions ends first: each further one wants them too.
    ///
    /// - Parameters:
    ///   - from: the sequence after which it wants entries.
    ///   - position: the sequence of the last entry that the connection has read.
    ///   - end: that of the last entry of the log.
    /// - Returns: the connection's new position: the lower of `from` and `position`.
    mutating func begin(_ id: SubscriptionID, from: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        guard let index = rows.firstIndex(where: { $0.subscription.id == id }) else { return position }
        if from < position { settle(through: position) }
        let topic = rows[index].subscription.topic
        if let other = rows.first(where: { $0.hasBegun && $0.subscription.topic == topic }) {
            rows[index].begun = other.begun
            rows[index].settled = other.settled
            rows[index].from = min(from, max(position, other.begun))
        } else {
            rows[index].begun = end
            rows[index].from = from
        }
        return min(from, position)
    }

    /// Removes subscriptions of one topic. Entries pushed for them are not pushed again for others of the topic.
    ///
    /// - Parameter position: the sequence of the last entry that the connection has read.
    mutating func remove(_ ids: Set<SubscriptionID>, of topic: Topic, position: UInt64) {
        if rows.contains(where: { $0.hasBegun && ids.contains($0.subscription.id) }) { settle(topic, through: position) }
        rows.removeAll { ids.contains($0.subscription.id) }
    }

    /// Resets all subscriptions to start after `position`: the log was recreated, and old sequences are invalid.
    mutating func restart(at position: UInt64) {
        for index in rows.indices where rows[index].hasBegun {
            rows[index].from = position
            rows[index].begun = position
            rows[index].settled = []
        }
    }

    /// The topics that have begun, each with the lowest `from` and its ranges: one pass, however many subscriptions there are.
    ///
    /// - Parameter only: a single topic; nil for all.
    private func begun(_ only: Topic? = nil) -> [Topic: (from: UInt64, settled: [PassedRange])] {
        var topics: [Topic: (from: UInt64, settled: [PassedRange])] = [:]
        for row in rows where row.hasBegun && (only == nil || row.subscription.topic == only) {
            topics[row.subscription.topic] = (min(row.from, topics[row.subscription.topic]?.from ?? .max), row.settled)
        }
        return topics
    }

    /// Marks the range after the lowest `from` of a topic, up to the position, as processed for later passes.
    ///
    /// - Parameter only: a single topic; nil for all.
    private mutating func settle(_ only: Topic? = nil, through position: UInt64) {
        let settled = begun(only).filter { $0.value.from < position }.mapValues { topic in
            Self.adding(PassedRange(lower: topic.from, upper: position), to: topic.settled)
        }
        for index in rows.indices where rows[index].hasBegun {
            if let ranges = settled[rows[index].subscription.topic] { rows[index].settled = ranges }
        }
    }

    private static func adding(_ new: PassedRange, to settled: [PassedRange]) -> [PassedRange] {
        var range = new
        let before = settled.filter { $0.upper < new.lower }
        let after = settled.filter { $0.lower > new.upper }
        for other in settled where other.upper >= range.lower && other.lower <= range.upper {
            range = PassedRange(lower: min(range.lower, other.lower), upper: max(range.upper, other.upper))
        }
        return Array((before + [range] + after).suffix(maximumRanges))
    }
}

extension SubscriptionSet {
    /// Adds a subscription that begins at once; see ``begin(_:from:position:end:)``.
    mutating func insert(_ subscription: Subscription, from: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        add(subscription)
        return begin(subscription.id, from: from, position: position, end: end)
    }
}
