import Basics
import EdgeRuntime
import EventLog
import EventModel

/// Encodes JSON-RPC notifications in text frames. Contract §6.
struct RelayEncoder: StreamEncoder {
    /// Whether pushes carry their cursor.
    let carriesIDs: Bool
    /// Set if compression was negotiated.
    let deflater: Deflater?
    /// Returns a new ULID for each connection.
    let makeULID: @Sendable () -> String

    var name: String { "relay" + (self.carriesIDs ? "+id" : "") + (self.deflater == nil ? "" : "+deflate") }

    /// The same encoder, with ids.
    var withIDs: RelayEncoder { RelayEncoder(carriesIDs: true, deflater: self.deflater, makeULID: self.makeULID) }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        let event = entry.event
        let id = self.carriesIDs ? cursor : nil
        if let deflater = self.deflater {
            WebSocketFrame.appendText(to: &bytes, compressedBy: deflater) { JSONRPCPushEncoding.appendEvent(event, id: id, to: &$0) }
        } else {
            WebSocketFrame.appendText(to: &bytes) { JSONRPCPushEncoding.appendEvent(event, id: id, to: &$0) }
        }
    }

    var hasTopics: Bool { true }

    /// Returns the topic of events that can be subscribed to.
    func topic(of event: Event) -> Topic? {
        guard let family = EventFamily(pushing: event.type) else { return nil }
        return event.payload.string("incidentId").flatMap { try? IncidentID($0) }.map { Topic(family: family, incidentID: $0) }
    }

    func opening(_ opening: Opening) -> [UInt8] {
        opening.head
            + self.frame(
                RelayNotice.connected(connectionID: "conn_\(self.makeULID())", tenant: opening.tenant, time: opening.time)
            )
    }

    /// Empty: on this surface the client sends the keep-alives.
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { [] }

    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = []
        WebSocketFrame.appendText(to: &bytes) { JSONRPCPushEncoding.appendGap(gap, to: &$0) }
        return bytes
    }

    func standing(_ standing: LogStanding) -> [UInt8] {
        var bytes: [UInt8] = []
        WebSocketFrame.appendText(to: &bytes) { JSONRPCPushEncoding.appendStanding(standing, to: &$0) }
        return bytes
    }

    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] {
        let notice = RPCError(ending).map { self.frame(RPCEncoding.response(error: $0, id: nil)) }
        return (notice ?? []) + WebSocketFrame.close(ending, on: .relay)
    }

    private func frame(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        WebSocketFrame.appendText(to: &bytes) { $0 += text }
        return bytes
    }
}
