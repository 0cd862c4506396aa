/// What a client subscribed to.
struct Subscription: Hashable, Sendable {
    /// `sub_` and a ULID; nobody else on the connection has it.
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
    let incidentID: String
    /// Of both. Seeded for each process, so that nobody can choose ids that collide.
    private let digest: Int

    /// Creates a topic.
    init(family: EventFamily, incidentID: String) {
        var id = incidentID
        var hasher = Hasher()
        hasher.combine(family)
        id.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        self.family = family
        self.incidentID = id
        digest = hasher.finalize()
    }

    /// Compares the id's bytes: two spellings that only look alike are two incidents, as they are two strings in the payload.
    static func == (left: Topic, right: Topic) -> Bool {
        guard left.digest == right.digest, left.family == right.family else { return false }
        let (left, right) = (left.incidentID.utf8, right.incidentID.utf8)
        let isEqual = left.withContiguousStorageIfAvailable { left in
            right.withContiguousStorageIfAvailable { left.elementsEqual($0) }
        }
        return (isEqual ?? nil) ?? left.elementsEqual(right)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }
}
