public import Basics
public import EventModel

/// The events of one family about one incident: what a client can subscribe to.
///
/// Made once for a log entry and then compared for each connection, so its hash is precomputed.
public struct Topic: Hashable, Sendable {
    /// The family of events.
    public let family: EventFamily
    /// The payload's `incidentId`.
    public let incidentID: IncidentID
    /// The hash of both. Seeded per process, so that clients cannot choose colliding ids.
    private let digest: Int

    /// Creates a topic.
    public init(family: EventFamily, incidentID: IncidentID) {
        var hasher = Hasher()
        hasher.combine(family)
        hasher.combine(incidentID)
        self.family = family
        self.incidentID = incidentID
        self.digest = hasher.finalize()
    }

    public static func == (left: Topic, right: Topic) -> Bool {
        left.digest == right.digest && left.family == right.family && left.incidentID == right.incidentID
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(self.digest) }
}

/// A client's subscription to a topic, for operators.
public struct TopicSubscription: Sendable, Hashable {
    /// The events that are pushed.
    public var topic: Topic
    /// The sequence after which they are pushed.
    public var after: UInt64

    /// Creates a subscription from its parts.
    public init(topic: Topic, after: UInt64) {
        self.topic = topic
        self.after = after
    }
}
