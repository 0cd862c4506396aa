import Testing

@testable import LoadKit

@Suite struct HTTPAnswerTests {
    @Test func anAnswerIsFoundWhereverItIsCut() throws {
        let wire = Array("HTTP/1.1 409 Conflict\r\nX-Request-Id: a\r\ncontent-LENGTH:  5\r\n\r\n{\"a\"}".utf8)
        for cut in 0..<wire.count { #expect(try HTTPAnswer(Array(wire[..<cut])) == nil, "cut at \(cut)") }
        let answer = try #require(try HTTPAnswer(wire))
        #expect(answer.status == 409)
        #expect(answer.statusLine == "HTTP/1.1 409 Conflict")
        #expect(answer.body == Array("{\"a\"}".utf8))
    }

    @Test func aBodyMayBeEmpty() throws {
        #expect(try HTTPAnswer(Array("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".utf8))?.body == [])
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n\r\n", "HTTP/1.1 x\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
    ])
    func whatCannotBeReadIsSaidSo(text: String) {
        #expect(throws: LoadError.self) { try HTTPAnswer(Array(text.utf8)) }
    }

    @Test func aHeadWithoutEndIsRefused() {
        #expect(throws: LoadError.self) { try HTTPAnswer(Array(repeating: UInt8(ascii: "a"), count: HTTPAnswer.maximumBytes + 1)) }
    }

    @Test(arguments: [(200, "{\"id\":\"7\"}", true), (200, "{\"id\":\"8\"}", false), (409, "{\"id\":\"7\"}", false)])
    func anAnswerMustBeThatOfItsRequest(status: Int, body: String, isRight: Bool) throws {
        let exchange = Exchange(request: [], status: 200, mark: "\"id\":\"7\"")
        let answer = try #require(try HTTPAnswer(StubServer.answer(status: status, body)))
        let isAccepted = (try? exchange.check(answer)) != nil
        #expect(isAccepted == isRight)
    }
}

@Suite struct ExchangeLoopTests {
    private func exchanges(_ count: Int) -> [Exchange] {
        (0..<count).map { Exchange(request: Array("GET /\($0) HTTP/1.1\r\n\r\n".utf8), status: 200, mark: "/\($0)!") }
    }

    /// Answers with the request's target and an exclamation mark.
    private static func echo(_ target: String) -> [UInt8] { StubServer.answer(status: 200, target + "!") }

    @Test(arguments: [(1, 50), (5, 50), (5, 2)])
    func everyRequestIsAnsweredOnce(clients: Int, count: Int) throws {
        let server = try StubServer(connections: clients, answer: Self.echo)
        let loop = try ExchangeLoop(address: server.address, clients: clients)
        for _ in 0..<2 {
            let tally = try loop.run(exchanges(count))
            #expect(tally.latency.count == count)
            #expect(tally.wall >= tally.latency.maximum)
        }
        #expect(server.requests == 2 * count)
    }

    @Test func ofNoRequestsThereIsNothing() throws {
        let server = try StubServer(connections: 1, answer: Self.echo)
        #expect(try ExchangeLoop(address: server.address, clients: 1).run([]).latency.count == 0)
    }

    @Test(arguments: [
        StubServer.answer(status: 503, "/7!"), StubServer.answer(status: 200, "/8!"), [], Array("HTTP/1.1 200 OK\r\n\r\n".utf8),
    ])
    func oneWrongAnswerEndsTheRun(wrong: [UInt8]) throws {
        let server = try StubServer(connections: 3) { $0 == "/7" ? wrong : Self.echo($0) }
        let loop = try ExchangeLoop(address: server.address, clients: 3)
        #expect(throws: LoadError.self) { try loop.run(exchanges(20)) }
    }

    @Test func aServerThatIsNotThereIsSaidSo() throws {
        let address = try SocketAddress("127.0.0.1:1")
        #expect(throws: LoadError.self) { try ExchangeLoop(address: address, clients: 1) }
    }
}
