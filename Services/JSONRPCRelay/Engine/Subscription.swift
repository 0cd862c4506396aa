import Basics
import EventModel

/// A subscription of a client.
struct Subscription: Hashable, Sendable {
    /// `sub_` and a ULID; unique on the connection.
    let id: String
    /// The pushed events and their incident.
    let topic: Topic
}

/// A family of events about one incident.
///
/// Created once for a log entry and then looked up for each connection; so its hash is precomputed.
struct Topic: Hashable, Sendable {
    /// The family of events.
    let family: EventFamily
    /// The payload's `incidentId`.
    let incidentID: IncidentID
    /// The hash of both. Seeded per process, so that clients cannot choose colliding ids.
    let digest: Int

    /// Creates a topic.
    init(family: EventFamily, incidentID: IncidentID) {
        var hasher = Hasher()
        hasher.combine(family)
        hasher.combine(incidentID)
        self.family = family
        self.incidentID = incidentID
        digest = hasher.finalize()
    }

    static func == (left: Topic, right: Topic) -> Bool {
        left.digest == right.digest && left.family == right.family && left.incidentID == right.incidentID
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }
}
