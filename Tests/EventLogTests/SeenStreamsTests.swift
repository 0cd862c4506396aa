import Basics
import EventModel
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// What a process knows of the streams, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct SeenStreamsTests {
    @Test func theStreamsThatAreCheckedAreKnownWithTheirLimits() async throws {
        let bench = try await Bench()
        let log = bench.log
        #expect(log.seenStreams.map(\.name) == ["EVENTS"])
        #expect(log.seenStreams.first?.messages == 0 && log.seenStreams.first?.oldest == nil)

        let records = ApprovalRecords(beside: log).stream
        try await log.checkWritable(beside: [records])
        #expect(log.seenStreams.map(\.name) == ["EVENTS"], "a stream that does not exist is not shown")

        try await records.ensure()
        try await bench.fill(3)
        try await log.checkWritable(beside: [records])
        let seen = Dictionary(uniqueKeysWithValues: log.seenStreams.map { ($0.name, $0) })
        let events = try #require(seen["EVENTS"])
        #expect(events.messages == 3 && events.bytes > 0 && events.oldest != nil)
        #expect(events.limits.maxBytes == 1 << 30 && events.dropsOldest)
        #expect(try #require(seen["APPROVALS"]).dropsOldest == false)

        try await bench.jetStream.deleteStream("APPROVALS")
        await log.look(at: [records])
        #expect(log.seenStreams.map(\.name) == ["EVENTS"])
        await bench.connection.close()
        withExtendedLifetime(bench) {}
    }
}
