import Basics
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// Streams beside the log that are followed while their messages are replaced, against a real nats-server.
@Suite("Followed streams", .timeLimit(.minutes(3))) struct FollowedStreamTests {
    private static let subjects = 12

    private static func stream(beside log: EventLog) -> FollowedStream {
        var configuration = StreamConfiguration(name: "REPLACED", subjects: ["replaced.*"])
        configuration.maxMessagesPerSubject = 1
        return FollowedStream(SideStream(beside: log, configuration), beside: log)
    }

    private static func write(_ number: Int, to stream: FollowedStream) async throws {
        _ = try await stream.publish(subject: "replaced.\(number % subjects)", payload: [UInt8]("\(number)".utf8), within: .seconds(60))
    }

    /// The consumer's count of waiting messages becomes wrong then, and does not recover.
    @Test func theEndIsReachedHoweverOftenMessagesAreReplaced() async throws {
        let bench = try await Bench()
        let stream = Self.stream(beside: bench.log)
        try await stream.store.ensure()
        for number in 0..<Self.subjects { try await Self.write(number, to: stream) }
        let writers = (0..<3).map { first in
            Task {
                var number = first
                while !Task.isCancelled {
                    try await Self.write(number, to: stream)
                    number += 1
                }
            }
        }
        for _ in 0..<25 {
            let isCaughtUp = OneShot<Void>()
            let following = Task { try await stream.follow { _, _, isAtEnd in if isAtEnd { isCaughtUp.settle(()) } } }
            try await isCaughtUp.value(within: .seconds(60))
            following.cancel()
            _ = await following.result
        }
        for writer in writers {
            writer.cancel()
            _ = await writer.result
        }
        withExtendedLifetime(bench) {}
    }

    /// Nobody reads on for a message that was there and is gone.
    @Test func theEndIsReachedWhenWhatWaitedIsGone() async throws {
        let bench = try await Bench()
        let stream = Self.stream(beside: bench.log)
        let created = try await stream.store.ensure().created
        for number in 0..<Self.subjects { try await Self.write(number, to: stream) }
        var reading = try await stream.reading(after: 0, created: created)
        #expect(!reading.isAtEnd)
        for number in 0..<Self.subjects { try await Self.write(number, to: stream) }
        var read: [UInt64] = []
        while !reading.isAtEnd {
            let messages = try await reading.next(atMost: .seconds(5))
            read += messages.map(\.metadata.streamSequence)
            if let last = messages.last { try await stream.acknowledge(last) }
        }
        #expect(read == Array(13...24))
        withExtendedLifetime(bench) {}
    }

    /// An acknowledgement is for all messages before it: a delivery that did not arrive must not be passed over.
    @Test(arguments: [1, 3]) func aLostDeliveryIsNoticed(_ count: Int) async throws {
        let bench = try await Bench()
        let stream = Self.stream(beside: bench.log)
        let created = try await stream.store.ensure().created
        var reading = try await stream.reading(after: 0, created: created)
        for number in 0..<count { try await Self.write(number, to: stream) }
        let names = try await bench.connection.request(subject: "$JS.API.CONSUMER.NAMES.REPLACED").payload
        let name = try #require(String(decoding: names, as: UTF8.self).firstMatch(of: /"consumers":\["(\w+)"\]/)?.output.1)
        // Somebody else gets it, as a pull does whose reader has given up.
        let lost = try await bench.jetStream.nextMessages(stream: "REPLACED", consumer: String(name), batch: 1, wait: .seconds(30))
        #expect(lost.map(\.metadata.streamSequence) == [1])
        let error = await #expect(throws: EventLogError.self) { _ = try await reading.next(atMost: .milliseconds(200)) }
        #expect(error?.code == .unavailable && error?.isRetriable == true)
        withExtendedLifetime(bench) {}
    }

    /// A sequence of a deleted stream says nothing about the one that has its name now.
    @Test func aReplacedStreamIsNotReadFromTheFormerPosition() async throws {
        let bench = try await Bench()
        let stream = Self.stream(beside: bench.log)
        let created = try await stream.store.ensure().created
        try await bench.jetStream.deleteStream(stream.store.name)
        try await stream.store.ensure()
        let error = await #expect(throws: EventLogError.self) { try await stream.reading(after: 12, created: created) }
        #expect(error?.code == .unavailable)
        withExtendedLifetime(bench) {}
    }
}
