import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime
@testable import websocket_edge

/// The messages of the workspace stream, byte for byte (contract §3, §5; RFC 6455 §5.2).
@Suite struct WorkspaceEncoderTests {
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let cursor = Cursor(time: time, epoch: 7, sequence: 42)
    private let plain = WorkspaceEncoder(carriesIDs: false, deflater: nil)
    private let resumable = WorkspaceEncoder(carriesIDs: true, deflater: nil)

    private func event(_ payload: String) throws -> Event {
        Event(
            id: "e",
            tenant: "acme",
            type: try EventType("job.done"),
            user: "ann",
            time: Timestamp(millisecondsSinceEpoch: Self.time.millisecondsSinceEpoch + 7),
            source: "/s",
            payload: try Payload(validating: Array(payload.utf8))
        )
    }

    private func bytes(_ encoder: WorkspaceEncoder, _ payload: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        encoder.append(LogEntry(sequence: 42, intake: Self.time, event: try event(payload)), cursor: Self.cursor, to: &bytes)
        return bytes
    }

    @Test("an event is its type, its payload unchanged and its time; with a cursor its id is behind the time")
    func event() throws {
        let payload = "{ \"a\" :\n1.10, \"b\":\"\\u00e9\" }"
        let text = "{\"type\":\"job.done\",\"payload\":\(payload),\"ts\":\"2024-04-01T14:32:10.007Z\""
        #expect(Frame.all(try bytes(plain, payload)) == [.text(text + "}")])
        #expect(Frame.all(try bytes(resumable, payload)) == [.text(text + ",\"id\":\"\(Self.cursor.text)\"}")])
    }

    @Test("the frame's length is in its shortest encoder", arguments: [(60, 2), (126, 4), (65_535, 4), (65_536, 10), (200_000, 10)])
    func lengths(total: Int, headerBytes: Int) throws {
        let frame = #"{"type":"job.done","payload":{"a":""},"ts":"2024-04-01T14:32:10.007Z"}"#
        let filler = max(0, total - frame.utf8.count)
        let bytes = try bytes(plain, #"{"a":"\#(String(repeating: "x", count: filler))"}"#)
        #expect(bytes.count == headerBytes + frame.utf8.count + filler)
        #expect(Frame.all(bytes).count == 1)
    }

    private func opening(_ user: UserID?) -> Opening {
        Opening(cursor: Self.cursor, retry: .seconds(2), head: Array("HEAD".utf8), tenant: "ac\"me", user: user, time: Self.time)
    }

    @Test("the first message names workspace and user as JSON, and has no id")
    func connected() {
        for encoder in [plain, resumable] {
            let bytes = encoder.opening(opening("ann\\é"))
            #expect(bytes.starts(with: "HEAD".utf8))
            #expect(
                Frame.all(Array(bytes.dropFirst(4))) == [
                    .text(
                        #"{"type":"connected","payload":{"workspace_id":"ac\"me","user_id":"ann\\é"},"ts":"2024-04-01T14:32:10.000Z"}"#
                    )
                ]
            )
        }
    }

    @Test("a heartbeat says whether the log is followed; with a cursor it has an id")
    func heartbeat() {
        for isLive in [true, false] {
            let text = "{\"type\":\"heartbeat\",\"payload\":{\"ok\":\(isLive)},\"ts\":\"2024-04-01T14:32:10.000Z\""
            #expect(Frame.all(plain.heartbeat(cursor: Self.cursor, time: Self.time, isLive: isLive)) == [.text(text + "}")])
            #expect(
                Frame.all(resumable.heartbeat(cursor: Self.cursor, time: Self.time, isLive: isLive))
                    == [.text(text + ",\"id\":\"\(Self.cursor.text)\"}")]
            )
        }
    }

    @Test("a gap says its reason; with a cursor its id is where the client goes on")
    func gaps() {
        let id = Self.cursor.text
        let before = Cursor(time: Self.time, epoch: 7, sequence: 41).text
        let expired =
            "{\"type\":\"stream.gap\",\"payload\":{\"reason\":\"expired\",\"missedBefore\":\"\(id)\"},\"ts\":\"2024-04-01T14:32:10.000Z\""
        #expect(Frame.all(plain.gap(.expired(missedBefore: Self.cursor), time: Self.time)) == [.text(expired + "}")])
        #expect(
            Frame.all(resumable.gap(.expired(missedBefore: Self.cursor), time: Self.time)) == [.text(expired + ",\"id\":\"\(before)\"}")]
        )
        let unknown = "{\"type\":\"stream.gap\",\"payload\":{\"reason\":\"unknown_cursor\"},\"ts\":\"2024-04-01T14:32:10.000Z\""
        #expect(Frame.all(plain.gap(.unknownCursor(current: Self.cursor), time: Self.time)) == [.text(unknown + "}")])
        #expect(Frame.all(resumable.gap(.unknownCursor(current: Self.cursor), time: Self.time)) == [.text(unknown + ",\"id\":\"\(id)\"}")])
    }

    @Test("an unreachable log is reported by heartbeats only")
    func standing() {
        #expect(plain.standing(.live).isEmpty)
        #expect(plain.standing(.stalled(since: Self.time)).isEmpty)
    }

    @Test(
        "every ending has the close code of the contract, with its sentence whole; the others are silent",
        arguments: [
            (.tokenExpired, 4401), (.tokenRevoked, 4401), (.unauthorized, 4401), (.wrongWorkspace, 4003), (.draining, 1001),
            (.overloaded, 1008), (.limit, 1008), (.unavailable, 1011), (.internalError, 1011), (.finished, nil), (.stalled, 1008),
            (.silent, nil), (.tooManyMessages, 1008),
            (.binaryMessage, 1003), (.messageTooBig, 1009), (.invalidPayload, 1007), (.protocolError, 1002), (.peerClosed, nil),
            (.peerGone, nil), (.socketFailed, nil), (.entryLost, nil),
        ] as [(Ending.Kind, Int?)]
    )
    func closes(kind: Ending.Kind, code: Int?) {
        let frames = Frame.all(plain.farewell(Ending(kind), retry: .seconds(1)))
        #expect(frames.count == (code == nil ? 0 : 1))
        #expect(frames.first?.closeCode == code)
        if code != nil { #expect(frames.first?.closeReason == kind.sentence) }
        // A control frame has at most 125 bytes, so a longer reason is cut.
        let long = Frame.all(plain.farewell(Ending(kind, detail: String(repeating: "é", count: 100)), retry: nil))
        #expect(long.allSatisfy { $0.payload.count <= 125 && $0.closeReason == String(repeating: "é", count: 61) })
    }

    @Test("compressed and plain clients, with ids and without, share no pages")
    func names() {
        let deflater = Deflater()
        let encoders = [false, true].flatMap { ids in
            [WorkspaceEncoder(carriesIDs: ids, deflater: nil), WorkspaceEncoder(carriesIDs: ids, deflater: deflater)]
        }
        #expect(Set(encoders.map(\.name)).count == 4)
    }

    @Test("a message is compressed where that makes it shorter, and the same event is the same bytes each time")
    func compression() throws {
        let encoder = WorkspaceEncoder(carriesIDs: true, deflater: Deflater())
        let payload = #"{"a":"\#(String(repeating: "the same again ", count: 50))"}"#
        let compressed = try bytes(encoder, payload)
        #expect(compressed == (try bytes(encoder, payload)))
        let frame = try #require(Frame.all(compressed).first)
        // FIN, RSV1 and text. RFC 7692 §6.
        #expect(frame.first == 0xC1)
        #expect(frame.payload.count < 400)
        #expect(BoundedInflater.inflate(frame.payload, limit: 4096) == .message(Frame.all(try bytes(resumable, payload))[0].payload))
        #expect(Frame.all(encoder.farewell(.draining, retry: nil)).first?.closeCode == 1001)
    }
}
