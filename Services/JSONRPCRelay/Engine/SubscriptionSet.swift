import Basics
import EdgeRuntime
import EventModel

/// Selects the log entries that a connection gets, each once, however many of its subscriptions match.
///
/// The connection reads the log entry by entry from its position. A subscription that wants older entries moves the position back,
/// and the entries between are read again; those pushed on the first pass are not pushed on the second. For that the set keeps the
/// processed ranges of each topic. A topic without a subscription is removed: a later subscription that asks for old entries gets
/// all of them.
struct SubscriptionSet: Sendable {
    /// The most ranges kept for a topic. Only subscriptions that step back through the log add ranges; a client that takes more steps
    /// than this gets some entries twice rather than not at all.
    static let maximumRanges = 32

    /// The state of a topic with subscriptions.
    private struct Interest: Sendable {
        /// The log's end when its first subscription began: from there on the topic has had one without a break.
        let begun: UInt64
        /// The subscriptions, each with the sequence after which it wants entries.
        var wanted: [(id: String, from: UInt64)] = []
        /// The lowest of these.
        var from = UInt64.max
        /// The ranges processed on earlier passes: `lower < sequence <= upper`, ordered and disjoint.
        var settled: [(lower: UInt64, upper: UInt64)] = []

        /// Adds a subscription, or changes where it begins.
        ///
        /// Entries that were stored since ``begun``, and that the connection has not read yet, are the client's, whichever of its subscriptions ends
        /// first: each further one wants them too.
        mutating func want(_ id: String, from sequence: UInt64, position: UInt64) {
            let sequence = wanted.isEmpty ? sequence : min(sequence, max(position, begun))
            wanted.removeAll { $0.id == id }
            wanted.append((id, sequence))
            from = min(from, sequence)
        }

        /// Marks the range after the lowest `from`, up to the position, as processed for later passes.
        mutating func settle(through position: UInt64) {
            guard from < position else { return }
            var range = (lower: from, upper: position)
            let before = settled.filter { $0.upper < range.lower }
            let after = settled.filter { $0.lower > range.upper }
            for other in settled where other.upper >= range.lower && other.lower <= range.upper {
                range = (min(range.lower, other.lower), max(range.upper, other.upper))
            }
            settled = (before + [range] + after).suffix(SubscriptionSet.maximumRanges)
        }
    }

    private var interests = TopicTable<Interest>()

    /// Whether there are no subscriptions.
    var isEmpty: Bool { interests.isEmpty }

    /// The topics with the sequences after which they are pushed, in any order.
    var topics: [TopicSubscription] {
        interests.rows.map { TopicSubscription(family: $0.topic.family, incidentID: $0.topic.incidentID, after: $0.value.from) }
    }

    /// Whether any subscription matches, at any position in the log.
    func matches(incidentID: IncidentID, type: EventType) -> Bool {
        guard let family = EventFamily(pushing: type) else { return false }
        return interests.index(of: Topic(family: family, incidentID: incidentID)) != nil
    }

    /// Whether the current entry, at that sequence, is to be pushed.
    func admits(sequence: UInt64, incidentID: IncidentID, type: EventType) -> Bool {
        guard let family = EventFamily(pushing: type) else { return false }
        return admits(sequence: sequence, topic: Topic(family: family, incidentID: incidentID))
    }

    /// As ``admits(sequence:incidentID:type:)``, for a topic computed once for many connections.
    func admits(sequence: UInt64, topic: Topic) -> Bool {
        // By index: a copy of the interest would cost reference counting.
        guard let index = interests.index(of: topic), sequence > interests.rows[index].value.from else { return false }
        return !interests.rows[index].value.settled.contains { $0.lower < sequence && sequence <= $0.upper }
    }

    /// Adds a subscription.
    ///
    /// - Parameters:
    ///   - from: the sequence after which it wants entries.
    ///   - position: the sequence of the last entry that the connection has read.
    ///   - end: that of the last entry of the log.
    /// - Returns: the connection's new position: the lower of `from` and `position`.
    mutating func insert(_ subscription: Subscription, from: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        if from < position {
            interests.changeAll { $0.settle(through: position) }
        }
        var interest = interests[subscription.topic] ?? Interest(begun: end)
        interest.want(subscription.id, from: from, position: position)
        interests[subscription.topic] = interest
        return min(from, position)
    }

    /// Removes a subscription. Entries pushed for it are not pushed again for others of its topic.
    ///
    /// - Parameter position: the sequence of the last entry that the connection has read.
    mutating func remove(_ subscription: Subscription, position: UInt64) {
        guard var interest = interests[subscription.topic], interest.wanted.contains(where: { $0.id == subscription.id }) else { return }
        interest.settle(through: position)
        interest.wanted.removeAll { $0.id == subscription.id }
        interest.from = interest.wanted.map(\.from).min() ?? .max
        interests[subscription.topic] = interest.wanted.isEmpty ? nil : interest
    }

    /// Resets all subscriptions to start after `position`: the log was recreated, and old sequences are invalid.
    mutating func restart(at position: UInt64) {
        interests.changeAll { interest in
            interest = Interest(begun: position, wanted: interest.wanted.map { ($0.id, position) }, from: position)
        }
    }
}
