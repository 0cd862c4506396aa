import Basics
import EventModel

/// What a client subscribed to.
struct Subscription: Hashable, Sendable {
    /// `sub_` and a ULID; unique on the connection.
    let id: String
    /// What is pushed, and about which incident.
    let topic: Topic
}

/// A family of events about one incident.
///
/// Made once for an entry of the log and then looked up for each connection; so it brings its hash along.
struct Topic: Hashable, Sendable {
    /// Which events.
    let family: EventFamily
    /// The payload's `incidentId`.
    let incidentID: IncidentID
    /// Of both. Seeded for each process, so that ids cannot be made to collide.
    private let digest: Int

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
