import Basics
import DequeModule
import Webhooks

/// The attempts that are not stored yet. A pure value with a bound.
///
/// Tenants take turns, and within a tenant its slots. Of a slot the last ``AttemptJournal/kept`` stay: the stream keeps no more. A full table
/// drops the oldest of the tenant that has the most, so that a tenant with many attempts costs the others none of theirs.
struct PendingAttempts: Sendable {
    /// Where an attempt is kept: a subject of the stream.
    struct Place: Sendable, Hashable {
        let tenant: Tenant
        let slot: Int
    }

    private struct Queue {
        var slots: [Int: Deque<AttemptRecord>] = [:]
        /// The slots with attempts, in their turns.
        var turns: Deque<Int> = []
        var count = 0
    }

    private let limit: Int
    private var queues: [Tenant: Queue] = [:]
    /// The tenants with attempts, in their turns.
    private var turns: Deque<Tenant> = []
    /// How many wait.
    private(set) var count = 0
    /// How many were dropped because the table was full.
    private(set) var dropped = 0

    /// - Parameter limit: the most attempts that wait.
    init(limit: Int) {
        self.limit = limit
    }

    /// The attempts of a place, oldest first.
    func records(at place: Place) -> [AttemptRecord] { queues[place.tenant]?.slots[place.slot].map(Array.init) ?? [] }

    /// Adds the newest attempt of a place.
    mutating func append(_ record: AttemptRecord, at place: Place) {
        update(place) { $0.append(record) }
        dropSurplus()
    }

    /// Returns attempts of a place that could not be stored; those that came since are newer.
    mutating func restore(_ records: [AttemptRecord], at place: Place) {
        update(place) { $0.insert(contentsOf: records, at: $0.startIndex) }
        dropSurplus()
    }

    /// Takes the attempts of the next places, oldest first at each, until there are `enough` or no more.
    mutating func take(_ enough: Int) -> [(place: Place, records: [AttemptRecord])] {
        var taken: [(place: Place, records: [AttemptRecord])] = []
        var number = 0
        while number < enough, let tenant = turns.first, let slot = queues[tenant]?.turns.first {
            let place = Place(tenant: tenant, slot: slot)
            let records = self.records(at: place)
            update(place) { $0.removeAll() }
            // To the end of the turns, if others of the tenant wait.
            if queues[tenant] != nil, let tenant = turns.popFirst() { turns.append(tenant) }
            taken.append((place, records))
            number += records.count
        }
        return taken
    }

    private mutating func dropSurplus() {
        while count > limit, let tenant = queues.max(by: { $0.value.count < $1.value.count })?.key, let slot = queues[tenant]?.turns.first {
            update(Place(tenant: tenant, slot: slot)) { $0.removeFirst() }
            dropped += 1
        }
    }

    /// Changes the attempts of a place, and keeps bound, counts and turns right.
    private mutating func update(_ place: Place, _ change: (inout Deque<AttemptRecord>) -> Void) {
        // Taken out of the dictionaries, so that they are changed in place.
        let known = queues.removeValue(forKey: place.tenant)
        var queue = known ?? Queue()
        var records = queue.slots.removeValue(forKey: place.slot) ?? []
        let before = records.count
        change(&records)
        if records.count > AttemptJournal.kept { records.removeFirst(records.count - AttemptJournal.kept) }
        queue.count += records.count - before
        count += records.count - before
        if records.isEmpty {
            if before > 0 { queue.turns.removeAll { $0 == place.slot } }
        } else {
            if before == 0 { queue.turns.append(place.slot) }
            queue.slots[place.slot] = records
        }
        if queue.count > 0 {
            if known == nil { turns.append(place.tenant) }
            queues[place.tenant] = queue
        } else if known != nil {
            turns.removeAll { $0 == place.tenant }
        }
    }
}
