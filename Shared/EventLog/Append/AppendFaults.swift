import Basics
import EventModel
import NATSClient

/// Finds faults of events before any is sent.
enum AppendFaults {
    /// Returns the errors of events that are too large for the bus, reuse an earlier event's identity with other content, or request an approval
    /// that an earlier one requests.
    static func inside(_ events: [Event], intake: Timestamp, limit: Int?) -> [EventLogError] {
        sizes(of: events, intake: intake, limit: limit).map { $0.error.at(events.count > 1 ? $0.index : nil) }
            + identities(of: events) + approvals(of: events)
    }

    /// Returns the events whose messages exceed the bus's limit; empty when the limit is unknown, because there is no connection.
    static func sizes(of events: [Event], intake: Timestamp, limit: Int?) -> [(index: Int, error: EventLogError)] {
        guard let limit else { return [] }
        return events.indices.compactMap { index in
            // Headers are bounded: a message below this cannot be too large, and need not be encoded to be measured.
            guard events[index].payload.bytes.count + largestHeaders > limit else { return nil }
            let message = EventMessage.outgoing(events[index], intake: intake)
            guard message.encodedCount > limit else { return nil }
            return (index, EventLogError.tooLarge(message.encodedCount, limit: limit))
        }
    }

    /// Returns the errors of events that reuse an earlier event's identity with other content.
    static func identities(of events: [Event]) -> [EventLogError] {
        // A generated id is unique.
        guard events.indices.contains(where: { !events[$0].assigned.contains(.id) }) else { return [] }
        return identities(of: events.map { (event: $0, identity: $0.identity) })
    }

    /// The same, for any kind of identity. A generated id is unique and is skipped.
    static func identities(of events: [(event: Event, identity: some Hashable)]) -> [EventLogError] {
        guard events.count > 1 else { return [] }
        return firstIndices(events).compactMap { index, earlier in
            guard !events[index].event.hasSameContent(as: events[earlier].event) else { return nil }
            return EventLogError.conflict(
                "is also the id of event [\(earlier)] of the request, which has another content; give each event an id of its own"
            )
            .at(index)
        }
    }

    /// Returns the errors of events that request an approval under an id that an earlier one requests, unless both are the same event.
    static func approvals(of events: [Event]) -> [EventLogError] {
        guard events.count > 1, events.indices.contains(where: { EventCatalogue.isApprovalRequest(events[$0].type) }) else { return [] }
        var first: [String: Event] = [:]
        return events.indices.compactMap { index in
            guard let place = EventMessage.requestPlace(of: events[index]) else { return nil }
            guard let earlier = first[place] else {
                first[place] = events[index]
                return nil
            }
            let event = events[index]
            let isRepeated = (event.assigned.contains(.id) || event.identity == earlier.identity) && event.hasSameContent(as: earlier)
            return isRepeated ? nil : EventLogError.usedApproval.at(index)
        }
    }

    /// Returns the events that repeat an identity, each with the first event that has it.
    private static func firstIndices<Identity: Hashable>(_ events: [(event: Event, identity: Identity)]) -> [(index: Int, earlier: Int)] {
        var first: [Identity: Int] = [:]
        return events.indices.compactMap { index in
            guard !events[index].event.assigned.contains(.id) else { return nil }
            guard let earlier = first[events[index].identity] else {
                first[events[index].identity] = index
                return nil
            }
            return (index, earlier)
        }
    }

    /// Upper bound of an event's headers in bytes: every identifier percent-encoded, plus overhead.
    static let largestHeaders = 8 * 1024
}

extension EventLogError {
    /// The error for an event with the identity of a stored one and other content.
    static func conflict(_ message: String, field: String = "id") -> EventLogError {
        EventLogError(code: .conflict, message: message, field: field)
    }

    /// The error for a message above the bus's limit.
    static func tooLarge(_ count: Int, limit: Int) -> EventLogError {
        EventLogError(
            code: .tooLarge,
            message:
                "has \(count) bytes with its headers, but the bus takes at most \(limit) (max_payload of nats-server); send a smaller payload",
            field: "payload"
        )
    }

    /// Returns the same error with the index of the event; nil when the call has only one.
    package func at(_ index: Int?, note: String? = nil) -> EventLogError {
        EventLogError(code: code, message: note.map { "\(message). \($0)" } ?? message, field: field, index: index)
    }
}
