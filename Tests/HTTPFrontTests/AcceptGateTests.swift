import Basics
import HummingbirdCore
import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPFront

/// A listener that accepts one connection per read that the gate passes on, like a server socket.
private final class Listener {
    /// Replaces the server socket.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = Never

        var reads = 0

        func read(context: ChannelHandlerContext) { self.reads += 1 }
    }

    let budget: DescriptorBudget
    private let channel = EmbeddedChannel()
    private let socket = Socket()
    /// Number of connections accepted since the beginning.
    private var accepted = 0
    /// The open connections.
    private(set) var connections: [EmbeddedChannel] = []

    init(limit: Int) throws {
        self.budget = DescriptorBudget { limit }
        let pipeline = self.channel.pipeline.syncOperations
        try pipeline.addHandler(self.socket)
        try pipeline.addHandler(AvailableConnectionsChannelHandler(delegate: AcceptGate(self.budget)))
    }

    /// Requests a connection. Returns whether the gate passed the read on.
    @discardableResult
    func read() -> Bool {
        if self.socket.reads == self.accepted { self.channel.read() }
        return self.socket.reads > self.accepted
    }

    /// Accepts a connection; nil if no read is pending.
    func accept() throws -> EmbeddedChannel? {
        guard self.read() else { return nil }
        self.accepted += 1
        let connection = EmbeddedChannel(handlers: [], loop: self.channel.embeddedEventLoop)
        try self.channel.writeInbound(connection as any Channel)
        self.connections.append(connection)
        return connection
    }

    /// Accepts until no read is pending. Returns the number of accepted connections.
    func fill() throws -> Int {
        var count = 0
        while count < 1000, try self.accept() != nil { count += 1 }
        return count
    }

    func close(_ connection: EmbeddedChannel) throws {
        connection.close(promise: nil)
        self.channel.embeddedEventLoop.run()
        self.connections.removeAll { $0 === connection }
    }

    func closeAll() throws {
        for connection in self.connections { try self.close(connection) }
    }
}

/// Counting of connections by a listener's gate.
@Suite struct AcceptGateTests {
    private static let slack = DescriptorBudget.slack

    @Test func aConnectionThatIsClosedIsCountedBack() throws {
        let listener = try Listener(limit: 3)
        for _ in 0..<3 {
            #expect(try listener.fill() == 3 + Self.slack)
            // The gate reads again when a connection has closed.
            try listener.close(try #require(listener.connections.first))
            #expect(try listener.fill() == 1)
            try listener.closeAll()
        }
    }

    @Test func anAcceptThatIsHeldBackIsNotCounted() throws {
        let listener = try Listener(limit: 3)
        #expect(try listener.fill() == 3 + Self.slack)
        for _ in 0..<100 { #expect(!listener.read()) }
        for _ in 0..<2 { try listener.close(try #require(listener.connections.last)) }
        #expect(try listener.fill() == 2)
    }

    @Test func aConnectionThatIsTurnedAwayIsNotCounted() throws {
        let listener = try Listener(limit: 3)
        var working: [DescriptorBudget.Place] = []
        for _ in 0..<3 {
            #expect(try listener.accept() != nil)
            working.append(listener.budget.enter {})
            working.last?.requestAccepted()
        }
        for count in 1...200 {
            let connection = try #require(try listener.accept())
            let place = listener.budget.enter { connection.close(promise: nil) }
            #expect(listener.budget.use.refused == count)
            try listener.close(connection)
            place.giveBack()
        }
        #expect(try listener.fill() == Self.slack)
        #expect(working.count == 3)
    }

    @Test func aStreamThatIsHandedOverIsCountedOnce() throws {
        let listener = try Listener(limit: 20)
        var streams: [DescriptorBudget.Place] = []
        for _ in 0..<10 {
            let connection = try #require(try listener.accept())
            let place = listener.budget.enter { connection.close(promise: nil) }
            place.requestAccepted()
            place.handOver(to: -1, isStream: true)
            streams.append(place)
            // A duplicate of the descriptor stays open.
            try listener.close(connection)
        }
        #expect(listener.budget.use.streams == 10)
        #expect(try listener.fill() == 10 + Self.slack)
        // Each stream that ends makes room for one connection.
        for place in streams.prefix(4) { place.giveBack() }
        #expect(try listener.fill() == 4)
        try listener.closeAll()
        #expect(try listener.fill() == 14 + Self.slack)
        streams.removeAll()
        #expect(try listener.fill() == 6)
    }
}
