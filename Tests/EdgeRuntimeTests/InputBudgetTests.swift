import AccessControl
import Basics
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

/// A conversation that does nothing.
private final class Listener: Conversation {
    let link: ConversationLink<Never>? = ConversationLink()
    var subscribed: [TopicSubscription] { [] }
    var requiredRoles: Set<Role> { [] }
    var heldBytes: Int { 0 }

    func received(_ text: [UInt8], from client: ConversationClient, now: MonotonicInstant) -> [ConversationStep] { [] }
    func noted(_ note: Never, position: UInt64) -> [ConversationStep] {}
    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 { position }
    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic?) -> RunVerdict { .none }
    func logReplaced(position: UInt64) {}
    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep] { [] }
    func ended() {}
}

/// The input budget (contract §5): one client's input delays its own turns, never those of others.
@Suite("Input budgets", .timeLimit(.minutes(3)))
struct InputBudgetTests {
    private let start = MonotonicInstant(nanoseconds: 1)

    private func frame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] { [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload }

    private func repeated(_ frame: [UInt8], _ count: Int) -> [UInt8] { Array(repeatElement(frame, count: count).joined()) }

    private func handler(
        maxFramesPerSecond: UInt32 = 1000,
        allowsCompression: Bool = false,
        texts: WebSocketHandler.Texts = .dropped
    ) -> WebSocketHandler {
        let rules = WebSocketRules(
            maxMessagesPerMinute: .max,
            maxFramesPerSecond: maxFramesPerSecond,
            allowsCompression: allowsCompression
        )
        return WebSocketHandler(rules: rules, texts: texts)
    }

    private func receive(_ bytes: [UInt8], by handler: WebSocketHandler, budget: inout InputBudget) -> (Int, [InboundReaction]) {
        let (taken, reactions) = bytes.withUnsafeBytes { handler.received($0, now: self.start, budget: &budget) }
        return (taken, reactions)
    }

    @Test("frames without a payload use a turn up, complete messages or not", arguments: [0x00, 0x8A] as [UInt8])
    func emptyFrames(first: UInt8) {
        let handler = self.handler(maxFramesPerSecond: .max)
        var budget = InputBudget()
        _ = self.receive(self.frame(0x01), by: handler, budget: &budget)
        let (taken, reactions) = self.receive(self.repeated(self.frame(first), 100_000), by: handler, budget: &budget)
        #expect(budget.isSpent)
        #expect(reactions.isEmpty)
        #expect(taken % 6 == 0 && taken / 6 <= InputBudget.turn / InputBudget.frame)
    }

    @Test("what a compressed message inflates to counts")
    func inflated() throws {
        let text = [UInt8](repeating: 97, count: 60_000)
        var message: [UInt8] = []
        WebSocketFrame.appendText(to: &message, compressedBy: Deflater()) { $0 += text }
        // The server's frame, masked with zeros.
        let payload = message.dropFirst(message[1] < 126 ? 2 : 4)
        let head: [UInt8] = [message[0], 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), 0, 0, 0, 0]
        let masked = head + payload
        let frame = payload.count < 126 ? self.frame(message[0], Array(payload)) : masked
        let handler = self.handler(allowsCompression: true)
        var budget = InputBudget()
        let (taken, _) = self.receive(self.repeated(frame, 1000), by: handler, budget: &budget)
        #expect(taken <= 2 * frame.count)
    }

    @Test("messages that a handler reads cost more than their bytes")
    func passedMessages() {
        let handler = self.handler(texts: .conversation(Listener()))
        var budget = InputBudget()
        let (_, reactions) = self.receive(self.repeated(self.frame(0x81, [123]), 10_000), by: handler, budget: &budget)
        #expect(budget.isSpent)
        #expect(reactions.count <= InputBudget.turn / InputBudget.message + 1)
    }

    @Test("tokens cost as much as messages that a conversation reads, other texts of the same surface only their bytes")
    func tokens() {
        let handler = self.handler(texts: .renewals(RenewalReader { $0 == [123] ? "token" : nil }))
        var budget = InputBudget()
        let (_, reactions) = self.receive(self.repeated(self.frame(0x81, [123]), 10_000), by: handler, budget: &budget)
        #expect(budget.isSpent)
        #expect(!reactions.isEmpty && reactions.allSatisfy { $0 == .authenticate("token") })
        #expect(reactions.count <= InputBudget.turn / InputBudget.message + 1)
        // A text in which none is found was parsed all the same.
        var searched = InputBudget()
        let object = self.frame(0x81, Array(#" {"type":"ping"}"#.utf8))
        let (taken, found) = self.receive(self.repeated(object, 10_000), by: handler, budget: &searched)
        #expect(searched.isSpent && found.isEmpty)
        #expect(taken / object.count <= InputBudget.turn / InputBudget.message + 1)
        var other = InputBudget(.max)
        #expect(self.receive(self.repeated(self.frame(0x81, [97]), 100), by: handler, budget: &other).1.isEmpty)
        #expect(Int.max - other.left < 100 * (InputBudget.frame + 16))
    }

    @Test("more frames in a second than allowed end the connection, though no message is ever complete")
    func frameRate() {
        let handler = self.handler(maxFramesPerSecond: 10)
        var budget = InputBudget(.max)
        _ = self.receive(self.frame(0x01), by: handler, budget: &budget)
        let (_, within) = self.receive(self.repeated(self.frame(0x00), 99), by: handler, budget: &budget)
        #expect(within.isEmpty)
        let (_, reactions) = self.receive(self.frame(0x00), by: handler, budget: &budget)
        guard case .end(let ending)? = reactions.last else {
            Issue.record("\(reactions)")
            return
        }
        #expect(ending.kind == .tooManyMessages)
        #expect(ending.sentence.contains("10 frames in a second"))
    }

    @Test("frames within the rate may go on for ever")
    func steadyFrames() {
        let handler = self.handler(maxFramesPerSecond: 10)
        let pongs = self.repeated(self.frame(0x8A), 10)
        for second in 0..<1000 {
            var budget = InputBudget(.max)
            let now = self.start.advanced(by: .seconds(second))
            let (_, reactions) = pongs.withUnsafeBytes { handler.received($0, now: now, budget: &budget) }
            #expect(reactions.isEmpty)
        }
    }

    @Test("endless empty continuations delay no other client, and are closed with a reason", arguments: [nil, Ending(.tooManyMessages)])
    func endlessContinuations(refusal: Ending?) async throws {
        let bench = try HubBench { $0.linger = .seconds(1) }
        let neighbour = try await bench.connect()
        _ = await neighbour.read { $0.hasSuffix("|") }
        let floods = try await (0..<2).asyncMap { _ in
            try await bench.connect(user: "flood", inbound: .webSocket(WebSocketRules()), refusal: refusal)
        }
        let flood = self.frame(0x01) + self.repeated(self.frame(0x00), 500_000)
        async let first: Void = floods[0].sendAll(flood)
        async let second: Void = floods[1].sendAll(flood)
        for sequence in UInt64(1)...50 {
            let text = Fixture.text(bench.append(try Fixture.entry(sequence)))
            #expect(await neighbour.read { $0.hasSuffix(text) } == text)
        }
        _ = await (first, second)
        #expect(await eventually { bench.hub.counters.closesByKind[.tooManyMessages] == 2 })
        let bytes = await floods[0].readBytes()
        #expect(bytes.contains { $0 == 0x88 })
        #expect(bytes.range(of: [0x03, 0xF0]) != nil)
    }

    @Test("connections that flood take turns: a round has a budget, too")
    func rounds() async throws {
        let bench = try HubBench()
        let clients = try await (0..<20).asyncMap { _ in try await bench.connect() }
        // Read before the hang-up below: a later write would fail with EPIPE, which is another ending.
        for client in clients { _ = await client.read { $0.hasSuffix("|") } }
        let piece = [UInt8](repeating: 1, count: 256 * 1024)
        await withTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { await client.sendAll(piece) } }
        }
        // The hub sees the end of a stream only after it has read everything before it.
        for client in clients { client.hangUp() }
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.hub.counters.closesByKind == [.peerClosed: 20])
    }
}

extension Collection where Element: Sendable {
    /// Returns the results in order, computed one after another.
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}

extension [UInt8] {
    /// Returns the index at which `part` begins.
    fileprivate func range(of part: [UInt8]) -> Int? {
        self.indices.first { self[$0...].starts(with: part) }
    }
}
