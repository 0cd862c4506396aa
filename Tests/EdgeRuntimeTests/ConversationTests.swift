import Basics
import EventLog
import EventModel
import Synchronization
import Testing

@testable import EdgeRuntime

/// A conversation that follows one topic after it was told its name, and resumes where it was told to: `follow <topic> [<cursor>]`.
private final class Follower: Conversation {
    private var topic: IncidentID?
    private var from: UInt64 = .max
    private let link: ConversationLink
    private let events: Events

    /// What a test sees of it.
    final class Events: Sendable {
        let ended = Atomic<Int>(0)
        let links = Mutex<[ConversationLink]>([])
    }

    init(link: ConversationLink, events: Events) {
        self.link = link
        self.events = events
        events.links.withLock { $0.append(link) }
    }

    func received(_ text: [UInt8], position: UInt64) -> [ConversationStep] {
        let words = String(decoding: text, as: UTF8.self).split(separator: " ").map(String.init)
        switch words.first {
        case "follow":
            self.topic = IncidentID(generated: words[1])
            guard words.count > 2 else {
                self.from = position
                return [.send(Array("following".utf8))]
            }
            return [.send(Array("looking".utf8)), .write(LoudForm()), .resume(words[1], after: words[2])]
        default:
            return [.send(text)]
        }
    }

    func noted(_ note: any Sendable, position: UInt64) -> [ConversationStep] { [.send(Array("noted \(note)".utf8))] }

    func resumed(_ key: String, after sequence: UInt64, position: UInt64) -> UInt64 {
        self.from = sequence
        return min(sequence, position)
    }

    func admits(sequence: UInt64, topic: IncidentID?, type: EventType) -> Bool {
        topic != nil && topic == self.topic && sequence > self.from
    }
    func logReplaced(position: UInt64) { self.from = position }
    func ended() { self.events.ended.add(1, ordering: .relaxed) }
}

/// As `PlainForm`, in another run, and recognisable.
private struct LoudForm: WireForm {
    var name: String { "loud" }

    func appendEvent(_ event: Event, cursor: Cursor, to bytes: inout [UInt8]) { bytes += Array("LOUD \(cursor.sequence)|".utf8) }
    func topic(of event: Event) -> String? { event.payload.string("incidentId") }
    func opening(_ opening: Opening) -> [UInt8] { [] }
    func heartbeat(cursor: Cursor, time: Timestamp) -> [UInt8] { [] }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { PlainForm().gap(gap, time: time) }
    func farewell(_ reason: StreamEndReason, retry: Duration?) -> [UInt8] { PlainForm().farewell(reason, retry: retry) }
}

@Suite("Connections that say what they want", .timeLimit(.minutes(3)))
struct ConversationTests {
    private let events = Follower.Events()

    private var inbound: Inbound {
        .webSocket(WebSocketRules()) { [events] link in Follower(link: link, events: events) }
    }

    /// A masked client text.
    private func text(_ text: String) -> [UInt8] { [0x81, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8) }

    private func entry(_ sequence: UInt64, about incident: String) throws -> LogEntry {
        try Fixture.entry(sequence, payload: #"{"incidentId":"\#(incident)"}"#)
    }

    private func cursor(_ sequence: UInt64) -> String {
        Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: Fixture.epoch, sequence: sequence).text
    }

    /// What was sent, without the heads of frames.
    private func words(_ client: SocketPair, until end: String) async -> String {
        let text = await client.read { $0.contains(end) }
        return String(text.unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 }.map(Character.init))
    }

    @Test("nothing is sent before something is asked for, then what matches")
    func follows() async throws {
        let bench = try HubBench(form: TopicForm())
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 0|") }
        bench.append(try self.entry(1, about: "b"))
        client.send(bytes: self.text("follow a"))
        #expect(await self.words(client, until: "following") == "following")
        bench.append(try self.entry(2, about: "b"))
        bench.append(try self.entry(3, about: "a"))
        #expect(await self.words(client, until: "3:").hasPrefix("3:incident.created"))
    }

    @Test("what was missed comes after the answer, in the form asked for, from memory and from the log", arguments: [64 << 20, 400])
    func resumes(tailBytes: Int) async throws {
        let bench = try HubBench(tailBytes: tailBytes, form: TopicForm())
        for sequence in 1...40 { bench.append(try self.entry(UInt64(sequence), about: sequence % 2 == 0 ? "a" : "b")) }
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 40|") }
        client.send(bytes: self.text("follow a \(self.cursor(30))"))
        bench.append(try self.entry(41, about: "b"))
        bench.append(try self.entry(42, about: "a"))
        let expected = [32, 34, 36, 38, 40, 42].map { "LOUD \($0)|" }.joined()
        #expect(await self.words(client, until: "LOUD 42|") == "looking" + expected)
    }

    @Test("a cursor that means nothing is told, and what comes next is sent")
    func unknownCursor() async throws {
        let bench = try HubBench(form: TopicForm())
        bench.append(try self.entry(1, about: "a"))
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 1|") }
        client.send(bytes: self.text("follow a nonsense"))
        #expect(await self.words(client, until: "unknown").hasPrefix("lookingunknown, on from 1|"))
        bench.append(try self.entry(2, about: "a"))
        #expect(await self.words(client, until: "LOUD 2|") == "LOUD 2|")
    }

    @Test("what is posted from elsewhere is heard in order, and by nobody after the end")
    func link() async throws {
        let bench = try HubBench(form: TopicForm())
        let client = try await bench.connect(inbound: self.inbound)
        let link = try #require(self.events.links.withLock { $0.first })
        for number in 0..<100 { link.post(number) }
        let heard = await self.words(client, until: "noted 99")
        #expect(heard.hasSuffix((0..<100).map { "noted \($0)" }.joined()))
        client.hangUp()
        while bench.hub.counters.connections.current > 0 { await aMoment() }
        #expect(self.events.ended.load(ordering: .relaxed) == 1)
        link.post("too late")
    }
}

/// `PlainForm` with topics.
private struct TopicForm: WireForm {
    private let plain = PlainForm()

    var name: String { "topics" }
    func appendEvent(_ event: Event, cursor: Cursor, to bytes: inout [UInt8]) { self.plain.appendEvent(event, cursor: cursor, to: &bytes) }
    func topic(of event: Event) -> String? { event.payload.string("incidentId") }
    func opening(_ opening: Opening) -> [UInt8] { self.plain.opening(opening) }
    func heartbeat(cursor: Cursor, time: Timestamp) -> [UInt8] { [] }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { self.plain.gap(gap, time: time) }
    func farewell(_ reason: StreamEndReason, retry: Duration?) -> [UInt8] { self.plain.farewell(reason, retry: retry) }
}
