import Basics
import EventLog
import EventModel
import Webhooks

/// A message for endpoints, encoded once for all that get it. Immutable.
final class OutgoingMessage: Sendable {
    /// The place in the log that an endpoint's cursor has after it took the message.
    let cursor: Cursor
    /// The type.
    let type: EventType
    /// When the event was taken in, for the lag.
    let intake: Timestamp
    /// The bytes, and the id by which receivers detect repetitions.
    let signed: SignedMessage

    /// The gap that it tells of; nil for other messages.
    let gap: StreamGap?

    /// The message's size in bytes, for turns and bounds.
    var size: Int { signed.body.count }
    /// The place in the log.
    var sequence: UInt64 { cursor.sequence }

    /// Encodes an event of the log.
    init(_ entry: LogEntry, epoch: UInt16) {
        cursor = entry.cursor(epoch: epoch)
        type = entry.event.type
        intake = entry.intake
        signed = SignedMessage(entry.event, cursor: cursor)
        gap = nil
    }

    /// Encodes a gap: the event that tells an endpoint that it gets less than it asked for. Delivered, it moves the cursor to the place from which the
    /// log is read on.
    ///
    /// - Parameter lost: the endpoint's place before.
    init(_ gap: StreamGap, insteadOf lost: Cursor, at now: Timestamp) {
        cursor = gap.resumptionCursor
        type = EventType(generated: StreamGap.type)
        intake = now
        var data: [UInt8] = []
        gap.appendPayload(to: &data)
        // The same for every repetition. The event at the place to which a lost cursor moves was delivered with the id of that place; it is older.
        let id =
            switch gap {
            case .expired: cursor
            case .unknownCursor: Cursor(time: lost.time.advanced(by: .milliseconds(1)), epoch: cursor.epoch, sequence: cursor.sequence)
            }
        signed = SignedMessage(id: id, type: type, time: now, data: data)
        self.gap = gap
    }

    /// Encodes the `webhook.ping` of an endpoint (contract §14).
    ///
    /// - Parameter head: the last place in the log. The id has it with the present time, which no event of the log has.
    init(pinging endpoint: EndpointID, head: Cursor, at now: Timestamp) {
        cursor = Cursor(time: now, epoch: head.epoch, sequence: head.sequence)
        type = EventType(generated: "webhook.ping")
        intake = now
        let data: JSONObject = ["endpointId": .string("\(endpoint)")]
        signed = SignedMessage(id: cursor, type: type, time: now, data: data.bytes)
        gap = nil
    }
}
