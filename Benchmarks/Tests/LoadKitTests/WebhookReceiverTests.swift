import Glibc
import Testing

@testable import LoadKit

@Suite struct ReceivedRequestTests {
    private static func request(_ path: String, _ body: String) -> [UInt8] {
        Array("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    @Test func aRequestIsFoundWhereverItIsCut() throws {
        let body = #"{"type":"load.tick","data":{"n":7,"sent":9,"pad":""}}"#
        let wire = Self.request("/12", body)
        for cut in 0..<wire.count { #expect(ReceivedRequest(wire[..<cut]) == nil, "cut at \(cut)") }
        let request = try #require(ReceivedRequest((wire + [UInt8(ascii: "P")])[...]))
        #expect(request.endpoint == 12 && request.length == wire.count)
        #expect(request.tick?.counter == 7 && request.tick?.sent == 9)
    }

    @Test func aPingHasNoTick() throws {
        let request = try #require(ReceivedRequest(Self.request("/0", #"{"data":{"endpointId":"whk_1"}}"#)[...]))
        #expect(request.endpoint == 0 && request.tick == nil)
        #expect(try #require(ReceivedRequest(Self.request("/x", "{}")[...])).endpoint == -1)
    }
}

@Suite struct WebhookReceiverTests {
    /// A dispatcher of one endpoint.
    private struct Sender {
        let descriptor: Int32

        init(_ receiver: WebhookReceiver, _ endpoint: Int) throws {
            let parts = receiver.url(of: endpoint).split(separator: "/")
            descriptor = try SocketAddress(String(parts[1])).connected(timeout: 10)
        }

        /// Returns the status of the answer; nil for a connection that was closed.
        func send(_ endpoint: Int, counter: UInt64) throws -> Int? {
            let body = #"{"data":{"n":\#(counter),"sent":\#(MonotonicClock.now()),"pad":""}}"#
            let head = "POST /\(endpoint) HTTP/1.1\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
            try SystemCall.sendAll(Array((head + body).utf8), to: descriptor)
            let answer = [UInt8](unsafeUninitializedCapacity: 4096) { $1 = max(0, recv(descriptor, $0.baseAddress, $0.count, 0)) }
            return String(decoding: answer, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
    }

    @Test func endpointsAnswerAsTheyAreToldInTrouble() throws {
        let receiver = try WebhookReceiver([.healthy, .flapping, .dead])
        defer { receiver.stop() }
        let senders = try (0..<3).map { try Sender(receiver, $0) }
        defer { for sender in senders { close(sender.descriptor) } }
        for endpoint in 0..<3 { #expect(try senders[endpoint].send(endpoint, counter: 1) == 204) }
        try receiver.awaitAll(seconds: 10)
        receiver.setTroubled(true)
        #expect(try senders[0].send(0, counter: 2) == 204)
        #expect(try (2...4).map { try senders[1].send(1, counter: $0) } == [500, 204, 500])
        #expect(try senders[2].send(2, counter: 2) == nil)
        try receiver.awaitEvents([2], seconds: 10)
        #expect(try receiver.takeLatency().count == 2)
    }

    @Test func anEventThatIsLostOrRepeatedIsNoticed() throws {
        for counter in [1, 3] as [UInt64] {
            let receiver = try WebhookReceiver([.healthy])
            defer { receiver.stop() }
            let sender = try Sender(receiver, 0)
            defer { close(sender.descriptor) }
            #expect(try sender.send(0, counter: 1) == 204)
            #expect(try sender.send(0, counter: counter) == 204)
            #expect(throws: LoadError.self) { try receiver.takeLatency() }
        }
    }

    @Test func eachEndpointHasAnAddress() throws {
        let receiver = try WebhookReceiver([])
        defer { receiver.stop() }
        let hosts = Set((0..<10_000).map { receiver.url(of: $0).split(separator: ":")[1] })
        #expect(hosts.count == 10_000)
    }
}
