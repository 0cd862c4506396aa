import AccessControl
import Basics
import EventLog
import EventModel
import Foundation
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// A conversation that follows the topic of the command `follow <topic> [<cursor>]`, from the cursor if present.
private final class Follower: Conversation {
    private var topic: Topic?
    private var from: UInt64 = .max
    let link: ConversationLink<String>? = ConversationLink()
    private let events: Events

    /// The state visible to a test.
    final class Events: Sendable {
        let ended = Atomic<Int>(0)
        let links = Mutex<[ConversationLink<String>]>([])
        /// How many messages `count` have come.
        let counted = Atomic<Int>(0)
    }

    init(events: Events) {
        self.events = events
        events.links.withLock { [link] in if let link { $0.append(link) } }
    }

    func received(_ text: [UInt8], from client: ConversationClient, now: MonotonicInstant) -> [ConversationStep] {
        let words = String(decoding: text, as: UTF8.self).split(separator: " ").map(String.init)
        switch words.first {
        case "follow":
            self.topic = Topic(family: .investigation, incidentID: IncidentID(generated: words[1]))
            guard words.count > 2 else {
                self.from = client.position
                return [.send(Array("following".utf8))]
            }
            return [.send(Array("looking".utf8)), .write(LoudEncoder()), .resume(words[1], after: words[2])]
        case "count":
            self.events.counted.add(1, ordering: .relaxed)
            return []
        default:
            return [.send(text)]
        }
    }

    func noted(_ note: String, position: UInt64) -> [ConversationStep] { [.send(Array("noted \(note)".utf8))] }

    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        self.from = sequence
        return min(sequence, position)
    }

    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic?) -> RunVerdict {
        guard topic != nil, topic == self.topic, sequences.upperBound > self.from else { return .none }
        return sequences.lowerBound > self.from ? .all : .each
    }
    var subscribed: [TopicSubscription] {
        self.topic.map { [TopicSubscription(topic: $0, after: self.from)] } ?? []
    }
    func logReplaced(position: UInt64) { self.from = position }
    var requiredRoles: Set<Role> { [] }
    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep] { [] }
    func ended() { self.events.ended.add(1, ordering: .relaxed) }
    var heldBytes: Int { 0 }
}

/// The incident of an event, as a topic of any family.
private func incident(of event: Event) -> Topic? {
    event.payload.string("incidentId").flatMap { try? IncidentID($0) }.map { Topic(family: .investigation, incidentID: $0) }
}

/// As `PlainEncoder`, with another chain and another format.
private struct LoudEncoder: StreamEncoder {
    var name: String { "loud" }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) { bytes += Array("LOUD \(cursor.sequence)|".utf8) }
    func topic(of event: Event) -> Topic? { incident(of: event) }
    var hasTopics: Bool { true }
    func opening(_ opening: Opening) -> [UInt8] { [] }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { [] }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { PlainEncoder().gap(gap, time: time) }
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { PlainEncoder().farewell(ending, retry: retry) }
}

@Suite("Connections that say what they want", .timeLimit(.minutes(3)))
struct ConversationTests {
    private let events = Follower.Events()

    private var inbound: Inbound {
        .webSocket(WebSocketRules()) { [events] in Follower(events: events) }
    }

    /// Returns a masked client text.
    private func text(_ text: String) -> [UInt8] { [0x81, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8) }

    private func entry(_ sequence: UInt64, about incident: String) throws -> LogEntry {
        try Fixture.entry(sequence, payload: #"{"incidentId":"\#(incident)"}"#)
    }

    private func cursor(_ sequence: UInt64) throws -> String {
        try Fixture.entry(sequence).cursor(epoch: Fixture.epoch).text
    }

    /// Returns the received text without frame headers.
    private func words(_ client: SocketPair, until end: String) async -> String {
        let text = await client.read { $0.contains(end) }
        return String(text.unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 }.map(Character.init))
    }

    private final class SteppedClock: Sendable {
        let nanoseconds = Atomic<UInt64>(1_000_000_000)

        var now: MonotonicInstant { MonotonicInstant(nanoseconds: self.nanoseconds.load(ordering: .relaxed)) }

        func step(_ seconds: UInt64) { self.nanoseconds.add(seconds * 1_000_000_000, ordering: .relaxed) }
    }

    @Test("input beyond a tenant's share waits until the share has grown, and delays no other tenant")
    func tenantShare() async throws {
        let clock = SteppedClock()
        let bench = try HubBench(clock: { clock.now })
        let rules = WebSocketRules(maxMessagesPerMinute: .max, maxFramesPerSecond: .max)
        let inbound = Inbound.webSocket(rules) { [events] in Follower(events: events) }
        let flood = try await bench.connect(tenant: "loud", inbound: inbound)
        let neighbour = try await bench.connect(inbound: inbound)
        _ = await neighbour.read { $0.hasSuffix("open 0|") }
        let message = self.text("count")
        let cost = InputBudget.frame + message.count + InputBudget.message + 5 * InputBudget.messageByte
        let turn = InputBudget.turn / cost + 1
        let atOnce = InputBudget.tenantAtOnce / cost
        let perSecond = InputBudget.tenantPerSecond / cost
        let count = atOnce + perSecond * 3
        async let sending: Void = flood.sendAll(Array(repeatElement(message, count: count).joined()))
        var expected = atOnce
        while true {
            // The header of a frame may count less than is assumed here.
            let least = expected * 9 / 10
            #expect(await eventually { self.events.counted.load(ordering: .relaxed) >= least })
            // Each answer takes a round of the loop, in which the flood would get on.
            for number in 0..<50 {
                neighbour.send(bytes: self.text("n\(number)"))
                #expect(await self.words(neighbour, until: "n\(number)").hasSuffix("n\(number)"))
            }
            #expect(self.events.counted.load(ordering: .relaxed) <= expected * 11 / 10 + turn)
            guard expected < atOnce + perSecond * 2 else { break }
            clock.step(1)
            expected += perSecond
        }
        for _ in 0..<3 { clock.step(1) }
        #expect(await eventually { self.events.counted.load(ordering: .relaxed) == count })
        await sending
    }

    @Test("nothing is sent before something is asked for, then what matches")
    func follows() async throws {
        let bench = try HubBench(encoder: TopicEncoder())
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 0|") }
        bench.append(try self.entry(1, about: "b"))
        client.send(bytes: self.text("follow a"))
        #expect(await self.words(client, until: "following") == "following")
        bench.append(try self.entry(2, about: "b"))
        bench.append(try self.entry(3, about: "a"))
        #expect(await self.words(client, until: "3:").hasPrefix("3:incident.created"))
    }

    @Test("what is followed is shown to its recipients alone", arguments: ["ann", "nina", "max"])
    func recipients(_ user: String) async throws {
        let bench = try HubBench(encoder: TopicEncoder())
        let client = try await bench.connect(user: user, inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 0|") }
        client.send(bytes: self.text("follow a"))
        _ = await self.words(client, until: "following")
        let payload = #"{"incidentId":"a"}"#
        bench.append(try Fixture.entry(1, user: "ann", others: ["nina"], payload: payload))
        bench.append(try Fixture.entry(2, payload: payload))
        let isTold = await self.words(client, until: "2:incident").contains("1:incident")
        #expect(isTold == (user != "max"))
    }

    @Test("what was missed comes after the answer, in the encoder asked for, from memory and from the log", arguments: [64 << 20, 400])
    func resumes(tailBytes: Int) async throws {
        let bench = try HubBench(tailBytes: tailBytes, encoder: TopicEncoder())
        for sequence in 1...40 { bench.append(try self.entry(UInt64(sequence), about: sequence % 2 == 0 ? "a" : "b")) }
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 40|") }
        client.send(bytes: self.text("follow a \(try self.cursor(30))"))
        bench.append(try self.entry(41, about: "b"))
        bench.append(try self.entry(42, about: "a"))
        let expected = [32, 34, 36, 38, 40, 42].map { "LOUD \($0)|" }.joined()
        #expect(await self.words(client, until: "LOUD 42|") == "looking" + expected)
    }

    @Test("an unknown cursor gives a gap, and new events follow")
    func unknownCursor() async throws {
        let bench = try HubBench(encoder: TopicEncoder())
        bench.append(try self.entry(1, about: "a"))
        let client = try await bench.connect(inbound: self.inbound)
        _ = await client.read { $0.hasSuffix("open 1|") }
        client.send(bytes: self.text("follow a nonsense"))
        #expect(await self.words(client, until: "unknown").hasPrefix("lookingunknown, on from 1|"))
        bench.append(try self.entry(2, about: "a"))
        #expect(await self.words(client, until: "LOUD 2|") == "LOUD 2|")
    }

    /// Returns the payloads of complete, unmasked frames; nil if the last frame is incomplete.
    private func frames(_ bytes: some Collection<UInt8>) -> [(opcode: UInt8, payload: [UInt8])]? {
        var rest = Array(bytes)[...]
        var frames: [(UInt8, [UInt8])] = []
        while let first = rest.popFirst() {
            guard let marker = rest.popFirst() else { return nil }
            let lengthBytes = marker < 126 ? 0 : marker == 126 ? 2 : 8
            let length = lengthBytes == 0 ? Int(marker) : rest.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(lengthBytes)
            guard rest.count >= length else { return nil }
            frames.append((first & 0x0F, Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return frames
    }

    /// Posts `count` notes of 20,000 bytes that the client does not read yet.
    private func postBacklog(_ count: Int) throws -> [String] {
        let link = try #require(self.events.links.withLock { $0.first })
        let notes = (0..<count).map { "\($0) " + String(repeating: "x", count: 20_000) }
        for note in notes { link.post(note) }
        return notes.map { "noted \($0)" }
    }

    @Test("a client that reads gets all of a burst, however much of it waits in memory")
    func burst() async throws {
        let bench = try HubBench(encoder: TopicEncoder()) { $0.heartbeatInterval = .milliseconds(100) }
        let client = try await bench.connect(inbound: self.inbound)
        let expected = try self.postBacklog(1000)
        let opening = "head|open 0|".utf8.count
        let bytes = await client.readBytes(count: opening + expected.reduce(0) { $0 + $1.utf8.count + 4 })
        let texts = try #require(self.frames(bytes.dropFirst(opening))).map { String(decoding: $0.payload, as: UTF8.self) }
        #expect(texts == expected)
        #expect(bench.hub.counters.closesByKind.isEmpty)
    }

    @Test("a client that stops reading is ended, and finds whole messages and the close frame when it reads again")
    func stalls() async throws {
        let bench = try HubBench(encoder: TopicEncoder()) { configuration in
            configuration.heartbeatInterval = .milliseconds(100)
            configuration.unsentPatience = .milliseconds(300)
        }
        let client = try await bench.connect(inbound: self.inbound)
        let expected = try self.postBacklog(200)
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.hub.counters.closesByKind == [.stalled: 1])
        #expect(self.events.ended.load(ordering: .relaxed) == 1)
        var frames = try #require(self.frames(await client.readBytes().dropFirst("head|open 0|".utf8.count)))
        let close = try #require(frames.last)
        frames.removeLast()
        #expect(close.opcode == 8 && Array(close.payload.prefix(2)) == [0x03, 0xF0])
        #expect(frames.map { String(decoding: $0.payload, as: UTF8.self) } == Array(expected.prefix(frames.count)))
        #expect(frames.count < expected.count)
    }

    @Test("more in memory than a client may have is ended in the same way")
    func ceiling() async throws {
        let bench = try HubBench(encoder: TopicEncoder()) { $0.maxUnsentBytes = 3_000_000 }
        let client = try await bench.connect(inbound: self.inbound)
        _ = try self.postBacklog(200)
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.hub.counters.closesByKind == [.stalled: 1])
        let frames = try #require(self.frames(await client.readBytes().dropFirst("head|open 0|".utf8.count)))
        #expect(frames.last?.opcode == 8)
    }

    @Test("what is queued is flushed before the farewell, if the client reads")
    func flushesBeforeFarewell() async throws {
        let bench = try HubBench(encoder: TopicEncoder()) { $0.linger = .seconds(30) }
        let client = try await bench.connect(expiresAt: 1005, inbound: self.inbound)
        let expected = try self.postBacklog(100)
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        bench.clock.now.store(1005, ordering: .relaxed)
        #expect(await eventually { self.events.ended.load(ordering: .relaxed) > 0 })
        let bytes = await client.readBytes(count: 100 * 20_010)
        let end = Array("end token_expired|".utf8)
        let rest = bytes.suffix(end.count) == end[...] ? [] : await client.readBytes(count: end.count)
        // Searched as bytes: a search in two megabytes of text takes minutes.
        let data = Data(bytes + rest)
        #expect(data.suffix(end.count) == Data(end))
        let isWhole = expected.allSatisfy { data.range(of: Data($0.prefix(40).utf8)) != nil }
        #expect(isWhole)
    }

    @Test("an end in the middle of an entry waits for the rest of it, wherever that is", arguments: [64 << 20, 1000])
    func endsInMidEntry(tailBytes: Int) async throws {
        let bench = try HubBench(tailBytes: tailBytes, encoder: TopicEncoder())
        let client = try await bench.connect(expiresAt: 1005, inbound: self.inbound)
        client.send(bytes: self.text("follow a"))
        _ = await client.read { $0.hasSuffix("following") }
        let payload = #"{"incidentId":"a","pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        let entries = try (1...60).map { try Fixture.entry(UInt64($0), payload: payload) }
        for entry in entries { bench.append(entry) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        bench.clock.now.store(1005, ordering: .relaxed)
        #expect(await eventually { self.events.ended.load(ordering: .relaxed) > 0 })
        let text = await client.read { $0.hasSuffix("end token_expired|") }
        let whole = text.split(separator: "|").dropLast()
        #expect(text.hasSuffix("end token_expired|"))
        #expect(whole.map { "\($0)|" } == entries.prefix(whole.count).map { Fixture.text($0) })
        #expect(whole.count < entries.count)
    }

    @Test("one that unsubscribes in the middle of an entry gets the rest of it and goes on")
    func unsubscribesInMidEntry() async throws {
        let bench = try HubBench(encoder: TopicEncoder())
        let client = try await bench.connect(inbound: self.inbound)
        client.send(bytes: self.text("follow a"))
        _ = await client.read { $0.hasSuffix("following") }
        let payload = #"{"incidentId":"a","pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        for sequence in 1...60 { bench.append(try Fixture.entry(UInt64(sequence), payload: payload)) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        client.send(bytes: self.text("follow b") + self.text("done"))
        let text = await client.read { $0.hasSuffix("done") }
        #expect(text.hasSuffix("done"))
        bench.append(try self.entry(61, about: "b"))
        #expect(await self.words(client, until: "61:").hasPrefix("61:incident.created"))
        #expect(bench.hub.counters.closesByKind.isEmpty)
    }

    @Test("posted messages are handled in order, and dropped after the end")
    func link() async throws {
        let bench = try HubBench(encoder: TopicEncoder())
        let client = try await bench.connect(inbound: self.inbound)
        let link = try #require(self.events.links.withLock { $0.first })
        for number in 0..<100 { link.post("\(number)") }
        let heard = await self.words(client, until: "noted 99")
        #expect(heard.hasSuffix((0..<100).map { "noted \($0)" }.joined()))
        client.hangUp()
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(self.events.ended.load(ordering: .relaxed) == 1)
        link.post("too late")
    }
}

/// `PlainEncoder` with topics.
private struct TopicEncoder: StreamEncoder {
    private let plain = PlainEncoder()

    var name: String { "topics" }
    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) { self.plain.append(entry, cursor: cursor, to: &bytes) }
    func topic(of event: Event) -> Topic? { incident(of: event) }
    var hasTopics: Bool { true }
    func opening(_ opening: Opening) -> [UInt8] { self.plain.opening(opening) }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { [] }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { self.plain.gap(gap, time: time) }
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { self.plain.farewell(ending, retry: retry) }
}
