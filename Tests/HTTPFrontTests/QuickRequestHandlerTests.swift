import Basics
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

@testable import HTTPFront

/// Which requests a quick responder gets, and the order of what is behind them.
@Suite struct QuickRequestHandlerTests {
    /// Accepts requests to `/quick`; answers when the test says so.
    private final class Responder: QuickResponder {
        private struct State {
            var bodies: [String] = []
            var waiting: [@Sendable (QuickResponse) -> Void] = []
        }

        private let state = Mutex(State())
        /// A body that is left to the router.
        let refused = "refused"

        var bodies: [String] { self.state.withLock { $0.bodies } }

        func mayAnswer(_ request: HTTPRequest) -> Bool { request.path == "/quick" }

        func answer(_ request: HTTPRequest, _ body: ByteBuffer, completion: @escaping @Sendable (QuickResponse) -> Void) -> Bool {
            let text = String(buffer: body)
            guard text != self.refused else { return false }
            self.state.withLock { state in
                state.bodies.append(text)
                state.waiting.append(completion)
            }
            return true
        }

        func answerNext(_ text: String) {
            let completion = self.state.withLock { $0.waiting.removeFirst() }
            completion(QuickResponse(status: .accepted, fields: [.contentType: "text/plain"], body: ByteBuffer(string: text)))
        }
    }

    /// Records what the router would see.
    private final class Router: ChannelInboundHandler {
        typealias InboundIn = HTTPRequestPart
        private(set) var seen: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head): self.seen.append(head.path ?? "")
            case .body(let bytes): self.seen.append(String(buffer: bytes))
            case .end: self.seen.append("end")
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            if self.seen.last != "complete" { self.seen.append("complete") }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { self.seen.append("event") }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.seen.append("error") }
    }

    /// Counts reads of the socket.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = HTTPResponsePart
        private(set) var count = 0

        func read(context: ChannelHandlerContext) { self.count += 1 }
    }

    private struct Unreadable: Error {}

    /// A connection.
    private struct Connection {
        let responder = Responder()
        let router = Router()
        let reads = Reads()
        let channel = EmbeddedChannel()

        init() throws {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(reads)
            let handler = QuickRequestHandler(responder, dates: HTTPDate(clock: { 0 }), place: DescriptorBudget.Holder())
            try pipeline.addHandler(handler)
            try pipeline.addHandler(router)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        /// Delivers parts as one read.
        func receive(_ parts: [HTTPRequestPart]) {
            for part in parts { channel.pipeline.fireChannelRead(part) }
            channel.pipeline.fireChannelReadComplete()
        }

        func answer(_ text: String) {
            responder.answerNext(text)
            channel.embeddedEventLoop.run()
        }

        /// The responses that were sent since the last call.
        func sent() throws -> [String] {
            var sent: [String] = []
            while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
                switch part {
                case .head(let head): sent.append("\(head.status.code) \(head.headerFields[.contentLength] ?? "")")
                case .body(let bytes): sent.append(String(buffer: bytes))
                case .end: sent.append("end")
                }
            }
            return sent
        }
    }

    private static func request(_ path: String, _ body: String) -> [HTTPRequestPart] {
        [.head(HTTPRequest(method: .post, scheme: "http", authority: "here", path: path)), .body(ByteBuffer(string: body)), .end(nil)]
    }

    @Test func aPlainRequestIsAnsweredWithoutTheRouter() throws {
        let connection = try Connection()
        connection.receive(Self.request("/quick", "a"))
        #expect(try connection.sent() == [], "nothing before the answer")
        connection.answer("one")
        #expect(try connection.sent() == ["202 3", "one", "end"])
        #expect(connection.responder.bodies == ["a"])
        #expect(connection.router.seen == ["complete"])
    }

    @Test func aBodyInOneReadMayHaveSeveralParts() throws {
        let connection = try Connection()
        var parts = Self.request("/quick", "a")
        parts.insert(.body(ByteBuffer(string: "b")), at: 2)
        connection.receive(parts)
        #expect(connection.responder.bodies == ["ab"])
    }

    @Test func aRequestThatTakesSeveralReadsIsTheRouters() throws {
        let connection = try Connection()
        let parts = Self.request("/quick", "a")
        connection.receive(Array(parts[..<2]))
        connection.receive(Array(parts[2...]))
        #expect(connection.responder.bodies.isEmpty)
        #expect(connection.router.seen == ["/quick", "a", "complete", "end", "complete"])
    }

    @Test(arguments: [("/quick", "refused"), ("/other", "a")])
    func aRequestThatTheResponderLeavesIsTheRouters(path: String, body: String) throws {
        let connection = try Connection()
        connection.receive(Self.request(path, body))
        #expect(connection.responder.bodies.isEmpty)
        #expect(connection.router.seen == [path, body, "end", "complete"])
    }

    @Test func aRequestOfAClientThatDoesNotReadIsTheRouters() throws {
        let connection = try Connection()
        connection.channel.isWritable = false
        connection.receive(Self.request("/quick", "a"))
        #expect(connection.responder.bodies.isEmpty)
        #expect(connection.router.seen == ["/quick", "a", "end", "complete"])
    }

    @Test func aRequestBehindOneOfTheRoutersIsTheRoutersUntilThatIsAnswered() throws {
        let connection = try Connection()
        connection.receive(Self.request("/other", "a") + Self.request("/quick", "b"))
        #expect(connection.router.seen == ["/other", "a", "end", "/quick", "b", "end", "complete"])
        for _ in 0..<2 {
            try connection.channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
            try connection.channel.writeOutbound(HTTPResponsePart.end(nil))
        }
        connection.receive(Self.request("/quick", "c"))
        #expect(connection.responder.bodies == ["c"])
    }

    @Test func whatIsBehindAnAnswerWaitsForItInOrder() throws {
        let connection = try Connection()
        connection.channel.read()
        let reads = connection.reads.count
        connection.receive(Self.request("/quick", "a") + Self.request("/quick", "b") + Self.request("/other", "c"))
        connection.channel.read()
        #expect(connection.reads.count == reads, "no more is read while something waits")
        #expect(connection.responder.bodies == ["a"])
        connection.answer("one")
        #expect(connection.responder.bodies == ["a", "b"])
        #expect(!connection.router.seen.contains("/other"))
        connection.answer("two")
        #expect(try connection.sent() == ["202 3", "one", "end", "202 3", "two", "end"])
        #expect(connection.router.seen.suffix(4) == ["/other", "c", "end", "complete"])
        #expect(connection.reads.count == reads + 1)
    }

    @Test func theEndOfTheInputAndAnErrorWaitForTheAnswer() throws {
        let connection = try Connection()
        connection.receive(Self.request("/quick", "a"))
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        connection.channel.pipeline.fireErrorCaught(Unreadable())
        #expect(connection.router.seen == ["complete"])
        connection.answer("one")
        #expect(try connection.sent() == ["202 3", "one", "end"])
        #expect(connection.router.seen == ["complete", "event", "error", "complete"])
    }

    @Test func anAnswerAfterTheEndOfTheConnectionIsDropped() throws {
        let connection = try Connection()
        connection.receive(Self.request("/quick", "a"))
        try connection.channel.close().wait()
        connection.answer("one")
        #expect(try connection.sent() == [])
    }
}
