import Basics
import EventModel
import NATSClient

/// What can be found wrong with events before anything of them is sent.
enum AppendFaults {
    /// The events that are too large for the bus, those whose identity an earlier one has with other content, and those that ask for an approval
    /// that an earlier one asks for.
    static func inside(_ events: [Event], intake: Timestamp, limit: Int?) -> [EventLogError] {
        sizes(of: events, intake: intake, limit: limit).map { $0.error.at(events.count > 1 ? $0.index : nil) }
            + identities(of: events) + approvals(of: events)
    }

    /// The events whose messages the bus does not take. None when its limit is not known, because there is no connection.
    static func sizes(of events: [Event], intake: Timestamp, limit: Int?) -> [(index: Int, error: EventLogError)] {
        guard let limit else { return [] }
        return events.indices.compactMap { index in
            // Headers have bounds of their own; below this no message can be too large, and need not be written to be measured.
            guard events[index].payload.bytes.count + largestHeaders > limit else { return nil }
            let message = EventMessage.outgoing(events[index], intake: intake)
            guard message.encodedCount > limit else { return nil }
            return (index, EventLogError.tooLarge(message.encodedCount, limit: limit))
        }
    }

    /// The events whose identity an earlier event of the same call has with other content.
    static func identities(of events: [Event]) -> [EventLogError] {
        identities(of: events.map { (event: $0, identity: $0.identity) })
    }

    /// The same for events with identities of any kind. An id that was made for the event is nobody else's.
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

    /// The events that ask for an approval under an id under which an earlier one asks, unless both are the same event.
    static func approvals(of events: [Event]) -> [EventLogError] {
        guard events.count > 1 else { return [] }
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

    /// The events that repeat an identity, each with the first event that has it.
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

    /// More than the headers of any event: every identifier percent-encoded, and what surrounds them.
    static let largestHeaders = 8 * 1024
}

extension EventLogError {
    /// An event has the identity of a stored one and another content.
    static func conflict(_ message: String, field: String = "id") -> EventLogError {
        EventLogError(code: .conflict, message: message, field: field)
    }

    /// A message that is larger than the bus takes.
    static func tooLarge(_ count: Int, limit: Int) -> EventLogError {
        EventLogError(
            code: .tooLarge,
            message:
                "has \(count) bytes with its headers, but the bus takes at most \(limit) (max_payload of nats-server); send a smaller payload",
            field: "payload"
        )
    }

    /// The same error about the event at a place of the call; nil when the call has only one.
    package func at(_ index: Int?, note: String? = nil) -> EventLogError {
        EventLogError(code: code, message: note.map { "\(message). \($0)" } ?? message, field: field, index: index)
    }
}
