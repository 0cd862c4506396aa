import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

/// Dispatchers whose streams were restored from older copies and written since: the same stream, with other messages at the same sequences.
@Suite("Restored streams", .timeLimit(.minutes(5))) struct RestoredStreamTests {
    private static let patience = DispatcherBench.patience

    /// Contract §14, no event is skipped: endpoints whose cursors are at places that other events have now get a gap, and then what they have not
    /// taken, also one that was disabled meanwhile.
    ///
    /// - Parameter isRunning: whether the dispatcher sees the log being replaced; one that begins later sees only the cursors.
    @Test(arguments: [false, true]) func endpointsOfARestoredLogGetAGapAndWhatTheyHaveNotTaken(isRunning: Bool) async throws {
        let bench = try await DispatcherBench(at: .now)
        try await bench.append(1...3, intake: .now)
        // The endpoints are registered later than these events were stored.
        let stored = Timestamp.now
        #expect(await eventually(timeout: Self.patience) { stored < .now })
        bench.clock.set(.now)
        let ids = [try await bench.register("x"), try await bench.register("y")]
        var running = try await bench.start(configure: { $0.clockDifference = .zero })
        func untilTaken(_ cursor: Cursor) async throws {
            for id in ids {
                #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursor }, "\(id)")
            }
        }
        try await untilTaken(try await bench.append(4...4, intake: .now)[0])
        let copy = try TemporaryDirectory()
        try await bench.server.stop()
        try bench.server.copyStore(to: copy)
        try await bench.server.start()
        try await untilTaken(try await bench.append(5...6, intake: .now)[1])
        let time = Timestamp.now
        try await bench.update(ids[1]) { endpoint in
            endpoint.state = .disabled(.requested, at: time)
            endpoint.announcedAt = time
        }
        if !isRunning { try await running.stop() }
        try await bench.server.stop()
        try bench.server.restoreStore(from: copy, stream: bench.log.configuration.streamName)
        try await bench.server.start()
        let last = try await bench.append(7...8, intake: .now)[1]
        if !isRunning { running = try await bench.start(configure: { $0.clockDifference = .zero }) }
        for name in ["x", "y"] {
            if name == "y" { try await bench.update(ids[1]) { $0.state = .enabled } }
            #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers(name) == [4, 5, 6, 7, 8] }, "\(name)")
            let received = bench.receiver.received(name)
            #expect(received.map(\.type).firstIndex(of: "stream.gap") == 3 && received.count { $0.type == "stream.gap" } == 1)
            #expect(Set(received.map(\.id)).count == received.count, "the gap has no event's id")
        }
        try await untilTaken(last)
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    /// The log moves on while the answers to the search are under way.
    @Test func aPlaceIsFoundWhileEventsComeQuickly() async throws {
        let bench = try await DispatcherBench()
        let last = try await bench.append(1...10)[9]
        let producer = Task {
            var number = 11
            while !Task.isCancelled {
                try await bench.append(number...(number + 49))
                number += 50
            }
        }
        defer { producer.cancel() }
        // A search that fails is made again after the test.
        let running = try await bench.start(configure: { $0.pause = .seconds(600) })
        for name in ["x", "y", "z"] {
            let lost = Cursor(time: last.time.advanced(by: .seconds(-1)), epoch: last.epoch, sequence: last.sequence - 3)
            _ = try await bench.register(name, cursor: lost)
            #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers(name).count >= 100 }, "\(name)")
            #expect(bench.receiver.received(name).first { $0.type != "webhook.ping" }?.type == "stream.gap")
            let numbers = bench.receiver.numbers(name)
            if let first = numbers.first { #expect(numbers == Array(first..<first + numbers.count), "\(name)") }
        }
        producer.cancel()
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    /// The records of the endpoints have lower revisions than those that the dispatcher knows.
    @Test func aDriverGoesOnWhenTheRecordsWereRestored() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        let running = try await bench.start()
        let copy = try TemporaryDirectory()
        for number in 1...5 {
            let cursor = try await bench.append(number...number)[0]
            #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursor }, "\(number)")
            guard number == 1 || number == 4 else { continue }
            try await bench.server.stop()
            if number == 1 {
                try bench.server.copyStore(to: copy)
            } else {
                try bench.server.restoreStore(from: copy, stream: EventLogConfiguration.webhooksName)
            }
            try await bench.server.start()
        }
        #expect(Set(bench.receiver.numbers("x")) == Set(1...5))
        try await running.stop()
        withExtendedLifetime(bench) {}
    }
}
