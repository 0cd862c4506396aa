import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

/// Attempts for tests.
private enum AttemptFixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)

    static func endpoint(slot: Int = 3) -> EndpointID { EndpointID(slot: slot, time: time) }

    static func attempt(_ number: Int, _ result: Attempt.Result = .answered(status: 204, excerpt: "")) throws -> Attempt {
        Attempt(
            messageID: "evt_\(number)",
            type: try EventType("incident.created"),
            startedAt: time.advanced(by: .seconds(number)),
            duration: .milliseconds(12),
            result: result,
            nextAttemptAt: nil
        )
    }
}

@Suite("Record of an attempt") struct AttemptRecordTests {
    private static let results: [Attempt.Result] =
        [
            .answered(status: 200, excerpt: ""), .answered(status: 500, excerpt: "no \"luck\"\n\u{FFFD}"), .failed(.unresolvable),
            .failed(.unreachable), .failed(.untrusted), .failed(.timedOut), .failed(.cutOff), .failed(.malformed),
            .failed(.refused(.plainText)), .failed(.refused(.noAddress)),
        ] + AddressKind.allCases.map { .failed(.refused(.address($0))) }

    @Test(arguments: results) func itSurvivesTheStream(_ result: Attempt.Result) throws {
        for next in [nil, AttemptFixture.time] {
            let attempt = Attempt(
                messageID: "evt_1",
                type: try EventType("incident.created"),
                startedAt: AttemptFixture.time,
                duration: .milliseconds(15_000),
                result: result,
                nextAttemptAt: next
            )
            let record = AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: attempt)
            let messages = AttemptMessage.encode([record])
            #expect(messages.map(\.count) == [1])
            #expect(AttemptMessage.decode(messages[0].payload) == [record])
        }
    }

    @Test func recordsShareMessagesUpToASize() throws {
        let records = try (0..<20).map { AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: try AttemptFixture.attempt($0)) }
        let messages = AttemptMessage.encode(records)
        #expect(messages.count < 10 && messages.allSatisfy { $0.payload.count <= 1024 })
        #expect(messages.flatMap { AttemptMessage.decode($0.payload) } == records)
        #expect(messages.map(\.count) == messages.map { AttemptMessage.decode($0.payload).count })
        #expect(AttemptMessage.encode([]).isEmpty)
    }

    @Test func aMessageOfFormerlyOneRecordIsRead() throws {
        let record = AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: try AttemptFixture.attempt(1))
        let message = try #require(AttemptMessage.encode([record]).first).payload
        #expect(AttemptMessage.decode(Array(message.dropFirst().dropLast())) == [record])
    }

    @Test func aLongAnswerHasAMessageForItself() throws {
        let long = try AttemptFixture.attempt(1, .answered(status: 500, excerpt: String(repeating: "\u{1}", count: 1024)))
        let records = [try AttemptFixture.attempt(0), long, try AttemptFixture.attempt(2)].map {
            AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: $0)
        }
        let messages = AttemptMessage.encode(records)
        #expect(messages.map(\.count) == [1, 1, 1])
        #expect(messages.flatMap { AttemptMessage.decode($0.payload) } == records)
    }

    @Test func theLongestAnswerFits() throws {
        let longest = String(repeating: "\u{1}", count: 1024)
        let attempt = try AttemptFixture.attempt(1, .answered(status: 500, excerpt: longest))
        let record = AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: attempt)
        let payload = try #require(AttemptMessage.encode([record]).first).payload
        #expect(payload.count <= AttemptMessage.maximumBytes)
        #expect(AttemptMessage.decode(payload) == [record])
        // Replacement characters take three bytes for one.
        let replaced = try AttemptFixture.attempt(1, .answered(status: 500, excerpt: String(repeating: "\u{FFFD}", count: 1024)))
        guard case .answered(_, let excerpt) = replaced.result else {
            Issue.record("the result changed its case")
            return
        }
        #expect(excerpt.utf8.count <= 1024)
    }

    @Test(arguments: [
        "", "{}", #"{"endpoint":"whk_1","id":"a","type":"a.b","startedAt":1,"durationMs":1,"status":200}"#,
        #"{"endpoint":"whk_01JZZZZZZZZZZZZZZZZZZZZZZZ","id":"a","type":"a.b","startedAt":1,"durationMs":1}"#,
        #"{"endpoint":"whk_01JZZZZZZZZZZZZZZZZZZZZZZZ","id":"a","type":"a.b","startedAt":1,"durationMs":1,"failure":"unknown"}"#,
    ])
    func whatIsNoRecordIsIgnored(_ json: String) throws {
        #expect(AttemptMessage.decode(Array(json.utf8)).isEmpty)
        #expect(AttemptMessage.decode(Array("[\(json)]".utf8)).isEmpty)
        let record = AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: try AttemptFixture.attempt(1))
        let known = String(decoding: try #require(AttemptMessage.encode([record]).first).payload.dropFirst().dropLast(), as: UTF8.self)
        guard !json.isEmpty else { return }
        #expect(AttemptMessage.decode(Array("[\(json),\(known)]".utf8)) == [record])
    }
}

@Suite("Attempts that wait") struct PendingAttemptsTests {
    private func record(_ number: Int) throws -> AttemptRecord {
        AttemptRecord(endpoint: AttemptFixture.endpoint(), attempt: try AttemptFixture.attempt(number))
    }

    private func place(_ tenant: Tenant, _ slot: Int = 0) -> PendingAttempts.Place { PendingAttempts.Place(tenant: tenant, slot: slot) }

    private func numbers(_ pending: PendingAttempts, _ place: PendingAttempts.Place) -> [String] {
        pending.records(at: place).map(\.attempt.messageID)
    }

    @Test func ofAnEndpointTheLastTwentyStay() throws {
        var pending = PendingAttempts(limit: 100)
        for number in 0..<25 { pending.append(try record(number), at: place("a")) }
        #expect(numbers(pending, place("a")) == (5..<25).map { "evt_\($0)" })
        #expect(pending.count == 20 && pending.dropped == 0)
    }

    @Test func aFullTableDropsOfTheTenantWithTheMost() throws {
        var pending = PendingAttempts(limit: 10)
        pending.append(try record(0), at: place("quiet"))
        for number in 1..<30 { pending.append(try record(number), at: place("loud", number % 5)) }
        #expect(pending.count == 10 && pending.dropped == 20)
        #expect(numbers(pending, place("quiet")) == ["evt_0"])
    }

    @Test func tenantsAndTheirEndpointsTakeTurns() throws {
        var pending = PendingAttempts(limit: 100)
        for slot in 0..<3 {
            for number in 0..<3 { pending.append(try record(number), at: place("loud", slot)) }
        }
        pending.append(try record(9), at: place("quiet"))
        #expect(pending.take(4).map(\.place) == [place("loud", 0), place("quiet")])
        #expect(pending.take(100).map(\.place) == [place("loud", 1), place("loud", 2)])
        #expect(pending.count == 0 && pending.take(1).isEmpty)
    }

    @Test func whatComesBackIsOlderThanWhatCameSince() throws {
        var pending = PendingAttempts(limit: 100)
        for number in 0..<15 { pending.append(try record(number), at: place("a")) }
        let taken = pending.take(100)
        for number in 15..<22 { pending.append(try record(number), at: place("a")) }
        pending.restore(try #require(taken.first).records, at: place("a"))
        #expect(numbers(pending, place("a")) == (2..<22).map { "evt_\($0)" })
    }
}

/// Against a real nats-server.
@Suite("Journal of attempts", .timeLimit(.minutes(5))) struct AttemptJournalTests {
    private func ids(_ journal: AttemptJournal, _ endpoint: EndpointID, _ tenant: Tenant = "acme") async throws -> [String] {
        try await journal.attempts(of: endpoint, in: tenant).map(\.messageID)
    }

    @Test func everyReplicaHasTheLastTwenty() async throws {
        let bench = try await BusBench()
        let endpoint = AttemptFixture.endpoint()
        let journal = AttemptJournal(beside: try await bench.openLog(), logger: BusBench.logger)
        // Reading fails until the connection has told that it is there.
        #expect(await eventually { (try? await ids(journal, endpoint)) == [] })
        let running = Task { await journal.run() }
        for number in 0..<25 { journal.record(try AttemptFixture.attempt(number), of: endpoint, in: "acme") }
        let last = (5..<25).reversed().map { "evt_\($0)" }
        // At once where they were made, stored or not.
        #expect(try await ids(journal, endpoint) == last)
        let other = AttemptJournal(beside: try await bench.openLog(), logger: BusBench.logger)
        #expect(await eventually { (try? await ids(other, endpoint)) == last })
        #expect(try await ids(other, endpoint, "another") == [])
        #expect(await eventually { journal.pendingCount == 0 })
        #expect(try await ids(journal, endpoint) == last)
        running.cancel()
        await running.value
        withExtendedLifetime(bench) {}
    }

    @Test func aSlotThatIsUsedAgainShowsNothingOfItsFormerEndpoint() async throws {
        let bench = try await BusBench()
        let journal = AttemptJournal(beside: try await bench.openLog(), logger: BusBench.logger)
        let running = Task { await journal.run() }
        let (former, next) = (AttemptFixture.endpoint(slot: 7), AttemptFixture.endpoint(slot: 7))
        journal.record(try AttemptFixture.attempt(1), of: former, in: "acme")
        journal.record(try AttemptFixture.attempt(2), of: next, in: "acme")
        #expect(await eventually { journal.pendingCount == 0 })
        #expect(try await ids(journal, next) == ["evt_2"])
        running.cancel()
        await running.value
        withExtendedLifetime(bench) {}
    }

    @Test func theEndStoresWhatIsLeft() async throws {
        let bench = try await BusBench()
        let endpoint = AttemptFixture.endpoint()
        let journal = AttemptJournal(beside: try await bench.openLog(), logger: BusBench.logger)
        try await journal.stream.ensure()
        journal.record(try AttemptFixture.attempt(1), of: endpoint, in: "acme")
        let running = Task { await journal.run() }
        running.cancel()
        await running.value
        let other = AttemptJournal(beside: try await bench.openLog(), logger: BusBench.logger)
        #expect(try await ids(other, endpoint) == ["evt_1"])
        withExtendedLifetime(bench) {}
    }

    @Test func withoutTheBusRecordingGoesOnWithinItsBound() async throws {
        let bench = try await BusBench()
        let journal = AttemptJournal(beside: try await bench.openLog(), limit: 30, logger: BusBench.logger)
        try await journal.stream.ensure()
        bench.server.kill()
        let running = Task { await journal.run() }
        let (loud, quiet) = (AttemptFixture.endpoint(slot: 1), AttemptFixture.endpoint(slot: 2))
        journal.record(try AttemptFixture.attempt(0), of: quiet, in: "quiet")
        for slot in 0..<5 {
            let endpoint = slot == 1 ? loud : AttemptFixture.endpoint(slot: slot)
            for number in 0..<20 { journal.record(try AttemptFixture.attempt(number), of: endpoint, in: "loud") }
        }
        #expect(await eventually { journal.droppedCount > 0 && journal.pendingCount <= 30 })
        try await bench.server.start()
        let isStored = await eventually(timeout: .seconds(60)) {
            // Reading fails until the connection is back.
            guard journal.pendingCount == 0 else { return false }
            return (try? await ids(journal, quiet, "quiet")) == ["evt_0"]
        }
        #expect(isStored)
        running.cancel()
        await running.value
        withExtendedLifetime(bench) {}
    }
}
