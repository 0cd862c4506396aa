import Basics
import EventModel

/// Which entries of the log a connection gets, each once, however many of its subscriptions match and whenever they were made.
///
/// The connection looks at the log entry by entry, from its position on. A subscription that wants older entries takes the position back,
/// and what lies between is looked at again; what was pushed on the first pass is not pushed on the second. For that the set keeps, for each
/// topic, the ranges that have been dealt with. A topic without a subscription is forgotten: who subscribes to it again and asks for old entries gets
/// all of them.
struct SubscriptionSet: Sendable {
    /// The most ranges that are kept for a topic. They grow only by subscriptions that step back through the log; one that takes more steps than
    /// this sees some entries twice rather than not at all.
    static let maximumRanges = 32

    /// What the set knows of a topic that has subscriptions.
    private struct Interest: Sendable {
        /// By the subscription's id, the sequence after which it wants entries.
        var wanted: [String: UInt64] = [:]
        /// The lowest of these.
        var from = UInt64.max
        /// What has been dealt with on earlier passes: `lower < sequence <= upper`, in order, apart from each other.
        var settled: [(lower: UInt64, upper: UInt64)] = []

        /// Everything after the lowest `from`, up to the position, has been dealt with; keep that for later passes.
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

    private var interests: [Topic: Interest] = [:]

    /// Whether there is no subscription.
    var isEmpty: Bool { interests.isEmpty }

    /// Whether events of that kind are wanted at all, wherever they are in the log.
    func matches(incidentID: IncidentID, type: EventType) -> Bool {
        guard let family = EventFamily(pushing: type) else { return false }
        return interests[Topic(family: family, incidentID: incidentID)] != nil
    }

    /// Whether the entry at that sequence, which the connection is looking at now, is to be pushed.
    func admits(sequence: UInt64, incidentID: IncidentID, type: EventType) -> Bool {
        guard let family = EventFamily(pushing: type) else { return false }
        return admits(sequence: sequence, topic: Topic(family: family, incidentID: incidentID))
    }

    /// As ``admits(sequence:incidentID:type:)``, for a topic that was found out once for many connections.
    func admits(sequence: UInt64, topic: Topic) -> Bool {
        // By index, because a copy of the interest would count references up and down.
        guard let index = interests.index(forKey: topic), sequence > interests.values[index].from else { return false }
        return !interests.values[index].settled.contains { $0.lower < sequence && sequence <= $0.upper }
    }

    /// Adds a subscription.
    ///
    /// - Parameters:
    ///   - from: the sequence after which it wants entries.
    ///   - position: the sequence of the last entry that the connection has looked at.
    /// - Returns: the connection's position from now on: the lower of the two.
    mutating func insert(_ subscription: Subscription, from: UInt64, position: UInt64) -> UInt64 {
        if from < position {
            for topic in interests.keys { interests[topic]?.settle(through: position) }
        }
        var interest = interests[subscription.topic] ?? Interest()
        interest.wanted[subscription.id] = from
        interest.from = min(interest.from, from)
        interests[subscription.topic] = interest
        return min(from, position)
    }

    /// Takes a subscription out. What it has been given is not given to others of its topic again.
    ///
    /// - Parameter position: the sequence of the last entry that the connection has looked at.
    mutating func remove(_ subscription: Subscription, position: UInt64) {
        guard var interest = interests[subscription.topic], interest.wanted[subscription.id] != nil else { return }
        interest.settle(through: position)
        interest.wanted[subscription.id] = nil
        interest.from = interest.wanted.values.min() ?? .max
        interests[subscription.topic] = interest.wanted.isEmpty ? nil : interest
    }

    /// The log has been replaced by another, in which sequences mean something else: everybody wants what comes after `position`.
    mutating func restart(at position: UInt64) {
        interests = interests.mapValues { interest in
            Interest(wanted: interest.wanted.mapValues { _ in position }, from: position)
        }
    }
}
