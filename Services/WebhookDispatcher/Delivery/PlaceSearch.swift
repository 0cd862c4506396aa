import Basics
import EventLog
import EventModel
import Webhooks

/// Finds the places of one tenant's endpoints in the log as it is now: each answer is found once for all that share it.
struct PlaceSearch {
    private let log: EventLog
    private let tenant: Tenant
    private let bounds: LogBounds
    private let clockDifference: Duration
    private var held: [String: Bool] = [:]
    private var places: [Timestamp: Cursor] = [:]

    /// - Parameters:
    ///   - bounds: requested after the cursors were read that are looked for.
    ///   - clockDifference: how far the clocks may differ by which intakes and the server tell the time.
    init(log: EventLog, tenant: Tenant, bounds: LogBounds, clockDifference: Duration) {
        self.log = log
        self.tenant = tenant
        self.bounds = bounds
        self.clockDifference = clockDifference
    }

    /// Returns whether a cursor is a place of the log (contract §3).
    mutating func holds(_ cursor: Cursor) async throws(EventLogError) -> Bool {
        if let known = held[cursor.text] { return known }
        let isHeld = try await log.holds(cursor, of: tenant, in: bounds)
        held[cursor.text] = isHeld
        return isHeld
    }

    /// Returns where an endpoint goes on whose cursor is not a place of the log: nothing is skipped that it has not taken.
    ///
    /// A log that was cut and written on holds behind the cut only messages that are later than all that the endpoint took. Of another log it gets
    /// everything.
    mutating func next(of endpoint: Endpoint, at cursor: Cursor) async throws(EventLogError) -> Cursor {
        guard cursor.epoch == bounds.epoch, cursor.hasTime else {
            return try await log.cursor(at: bounds.firstSequence - min(bounds.firstSequence, 1), epoch: bounds.epoch)
        }
        let time = max(cursor.time, endpoint.createdAt).advanced(by: .zero - clockDifference)
        if let known = places[time] { return known }
        let place = try await log.place(before: time)
        places[time] = place
        return place
    }
}
