import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Create-once records of approvals, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct ApprovalRecordsTests {
    private static let vote = ApprovalPlace.vote(approvalID: "apr.1", voter: "ann")

    /// An event with no rules of its own: the stream keeps events of any type.
    private static func event(_ id: String, tenant: String = "acme") throws -> Event {
        try Fixture.event(id, tenant: tenant, type: "a.b", user: "ann", payload: #"{"x":"\#(id)"}"#)
    }

    private static func request(_ id: String, _ approval: String = "apr", remediation: String = "r") throws -> Event {
        let payload = #"{"approvalId":"\#(approval)","remediationId":"\#(remediation)"}"#
        return try Fixture.event(id, type: "approval.requested", payload: payload)
    }

    private static func store(
        _ id: String,
        at place: ApprovalPlace = vote,
        tenant: String = "acme",
        in log: EventLog
    ) async throws -> ApprovalRecords.Stored {
        try await ApprovalRecords(beside: log)
            .store(try event(id, tenant: tenant), at: place, intake: Fixture.time, timeout: .seconds(30))
    }

    private static func isNew(_ stored: ApprovalRecords.Stored) -> Bool {
        if case .new = stored { true } else { false }
    }

    private static func state(_ bench: Bench) async throws -> StreamInfo.State {
        try await bench.jetStream.streamInfo(EventLogConfiguration.approvalsName).state
    }

    // MARK: Create-once

    @Test func aPlaceTakesOneRecord() async throws {
        let bench = try await Bench()
        let records = ApprovalRecords(beside: bench.log)
        #expect(try await records.record(at: Self.vote, tenant: "acme") == nil, "there is no stream yet")
        let stored = try await Self.store("a", in: bench.log)
        #expect(Self.isNew(stored) && stored.record.sequence == 1 && stored.record.place == Self.vote)
        let second = try await Self.store("b", in: bench.log)
        #expect(!Self.isNew(second) && second.record.event.id == "a")
        let read = try #require(try await records.record(at: Self.vote, tenant: "acme"))
        for record in [stored.record, second.record, read] {
            #expect(record.event == (try Self.event("a")) && record.intake == Fixture.time && record.sequence == 1)
            #expect(record.request == nil && record.requestEntry == nil)
        }
        // Another voter's, another place, and another tenant's are other ones.
        let others = try await [
            Self.store("b", at: .vote(approvalID: "apr.1", voter: "bob"), in: bench.log),
            Self.store("c", at: .decision(approvalID: "apr.1"), in: bench.log), Self.store("d", tenant: "globex", in: bench.log),
        ]
        #expect(others.allSatisfy(Self.isNew) && others.map(\.record.sequence) == [2, 3, 4])
        #expect(try await bench.log.bounds().lastSequence == 0, "the log has nothing of it")
    }

    /// A record and the event that announces it can be read without the request, and have its recipients (contract §12).
    @Test func aRecordHasTheRecipientsOfItsRequest() async throws {
        let bench = try await Bench()
        let payload = #"{"approvalId":"apr.1","remediationId":"r","votedBy":"nina","action":"approve"}"#
        var event = try Fixture.event("a", type: "approval.voted", user: "ann", payload: payload)
        event.recipients = try #require(Recipients("ann", and: ["nina", "b,\u{E9}"]))
        let records = ApprovalRecords(beside: bench.log)
        _ = try await records.store(event, at: Self.vote, intake: Fixture.time, timeout: .seconds(30))
        let record = try #require(try await records.record(at: Self.vote, tenant: "acme"))
        #expect(record.event == event && record.event.recipients == event.recipients)
        let message = try await bench.jetStream.message(stream: EventLogConfiguration.approvalsName, sequence: 1)
        #expect(message.headers["causeway-recipients"] == "b%2C%C3%A9,nina")
        _ = try await bench.log.append(record.event, onceAt: record.place, intake: Fixture.time)
        #expect(try await bench.log.storedEvent(at: 1)?.event == event)
        try await bench.withFeed { _, recorder in
            #expect(await eventually { recorder.count == 1 })
            #expect(recorder.state.withLock { $0.entries.first?.event.recipients } == event.recipients)
        }
    }

    @Test func ofManyAtOnceOneWinsAndAllSeeTheSame() async throws {
        let bench = try await Bench()
        let logs = [bench.log, try await bench.another(), try await bench.another()]
        for round in 0..<20 {
            let place = ApprovalPlace.decision(approvalID: ApprovalID(generated: "round-\(round)"))
            let results = try await withThrowingTaskGroup(of: ApprovalRecords.Stored.self) { group in
                for index in 0..<12 { group.addTask { try await Self.store("e\(index)", at: place, in: logs[index % 3]) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count(where: Self.isNew) == 1)
            #expect(Set(results.map(\.record.event.id)).count == 1)
            #expect(Set(results.map(\.record.sequence)) == [UInt64(round + 1)])
        }
    }

    /// A record whose acknowledgement was lost is found by its id, in another process and after the server's crash.
    @Test func aLostAcknowledgementIsFoundByItsID() async throws {
        let bench = try await Bench()
        let first = try await Self.store("mine", in: bench.log)
        bench.server.kill()
        try await bench.server.start()
        let again = try await Self.store("mine", in: bench.another())
        #expect(!Self.isNew(again) && again.record.event.id == "mine" && again.record.sequence == first.record.sequence)
    }

    @Test func perseveresThroughAnOutageAndGivesUpInTime() async throws {
        let bench = try await Bench()
        bench.server.kill()
        let error = await #expect(throws: EventLogError.self) {
            try await ApprovalRecords(beside: bench.log)
                .store(try Self.event("a"), at: Self.vote, intake: Fixture.time, timeout: .milliseconds(300))
        }
        #expect(error?.isRetriable == true)
        async let stored = Self.store("b", in: bench.log)
        try await bench.server.start()
        #expect(["a", "b"].contains(try await stored.record.event.id))
        #expect(try await Self.state(bench).messages == 1)
    }

    // MARK: The stream

    @Test func aRequestCountsWithAllThatFollowsFromIt() async throws {
        let bench = try await Bench()
        let request = try Self.request("a")
        let cursor = try await bench.log.append(request, intake: Fixture.time).cursor
        #expect(cursor.sequence == 1)
        let stored = Int(try await Self.state(bench).bytes)
        let bytes = ApprovalRecords.bytes(of: request)
        #expect(bytes > stored + stored - request.payload.bytes.count)
        let step = #"{"after":"1h","groups":[{"name":"g","users":["u"]}]}"#
        let payload = #"{"approvalId":"apr","remediationId":"r","escalation":[\#(step)]}"#
        let escalated = try Fixture.event("a", type: "approval.requested", payload: payload)
        #expect(ApprovalRecords.bytes(of: escalated) > bytes + stored)
    }

    /// Beyond the limit a request is refused before it is stored anywhere; what is pending can be decided. Whatever the records' size, none is dropped:
    /// nats-server 2.9 counts a record's overhead only after it has stored the record.
    @Test(arguments: [0, 7, 23, 41, 300]) func fullRecordsRefuseRequestsAndDropNothing(_ extra: Int) async throws {
        let bench = try await Bench { $0.approvalsMaxBytes = 8192 }
        func request(_ number: Int) throws -> Event {
            try Self.request("e\(number)", "a\(number)", remediation: "r" + String(repeating: "x", count: extra % 250))
        }
        var stored = 0
        var refused: EventLogError?
        while refused == nil, stored < 5000 {
            do {
                _ = try await bench.log.append(request(stored), intake: Fixture.time, timeout: .seconds(60))
                stored += 1
            } catch let error as EventLogError {
                refused = error
            }
        }
        #expect(refused?.code == .notWritable && refused?.isRetriable == false)
        #expect(refused?.message.contains("APPROVALS_MAX_BYTES") == true, "\(String(describing: refused))")
        let state = try await Self.state(bench)
        #expect(state.messages == UInt64(stored) && state.firstSequence == 1, "\(state.messages) of \(stored)")
        #expect(try await bench.log.bounds().lastSequence == UInt64(stored), "the refused request is not in the log either")
        #expect(Self.isNew(try await Self.store("d", at: .decision(approvalID: "a0"), in: bench.log)))
        // With more room the same request is taken.
        let roomy = try await bench.another { $0.approvalsMaxBytes = 1 << 20 }
        let appended = try await roomy.append(request(stored), intake: Fixture.time)
        #expect(!appended.isDuplicate)
    }

    @Test func aStreamThatWouldDropRecordsIsRefused() async throws {
        let bench = try await Bench()
        _ = try await bench.jetStream.createStream(
            StreamConfiguration(name: EventLogConfiguration.approvalsName, subjects: ["approvals.>", "delegations.>"])
        )
        let error = await #expect(throws: EventLogError.self) { try await ApprovalRecords(beside: bench.log).stream.ensure() }
        #expect(error?.code == .incompatibleStream && error?.message.contains("--discard new") == true)
    }

    @Test func theStreamIsKeptAsConfigured() async throws {
        let bench = try await Bench { configuration in
            configuration.approvalsMaxAge = .seconds(3600)
            configuration.approvalsMaxBytes = 1 << 20
        }
        _ = try await Self.store("a", in: bench.log)
        let configuration = try await bench.jetStream.streamInfo(EventLogConfiguration.approvalsName).configuration
        #expect(configuration.maxAge == .seconds(3600) && configuration.maxBytes == 65 << 20 && configuration.discard == .new)
    }

    @Test func whatIsNoRecordIsAnError() async throws {
        let bench = try await Bench()
        _ = try await Self.store("a", in: bench.log)
        let places: [ApprovalPlace] = [.decision(approvalID: "b"), .request(approvalID: "b")]
        for (place, payload) in zip(places, ["[]", #"{"approvalId":"b","remediationId":"r"}"#]) {
            _ = try await bench.jetStream.publish(subject: place.recordSubject(tenant: "acme"), payload: Array(payload.utf8))
            let error = await #expect(throws: EventLogError.self, "a request's record names its event") {
                try await ApprovalRecords(beside: bench.log).record(at: place, tenant: "acme")
            }
            #expect(error?.code == .rejected && error?.isRetriable == false)
            await #expect(throws: EventLogError.self) { try await Self.store("c", at: place, in: bench.log) }
        }
    }

    // MARK: The intake

    @Test func theIntakeRecordsARequestBeforeItAnswers() async throws {
        let bench = try await Bench()
        let records = ApprovalRecords(beside: bench.log)
        _ = try await bench.log.append(try Fixture.event("x"), intake: Fixture.time)
        let stream = try await records.stream.existing()
        #expect(stream == nil, "other events have no record")
        let one = try await bench.log.append(try Self.request("1", "one"), intake: Fixture.time)
        let pair = try await bench.log.append(
            contentsOf: [try Fixture.event("y"), try Self.request("2", "two")],
            intake: Fixture.time
        )
        let each = try await bench.log.append(
            each: [try Self.request("3", "three"), try Self.request("4", "one"), try Self.request("5", "five")],
            intake: Fixture.time
        )
        let expected: [(ApprovalID, String, Cursor?)] = [
            ("one", "1", one.cursor), ("two", "2", pair.last?.cursor), ("three", "3", try each[0].get().cursor),
            ("five", "5", try each[2].get().cursor),
        ]
        for (approval, id, cursor) in expected {
            let record = try #require(try await records.record(at: .request(approvalID: approval), tenant: "acme"))
            #expect(record.event == (try Self.request(id, approval.text)) && record.request == cursor && record.intake == Fixture.time)
            #expect(record.requestEntry?.sequence == cursor?.sequence && record.requestEntry?.intake == Fixture.time)
        }
        // A repetition has its record already.
        _ = try await bench.another().append(try Self.request("1", "one"), intake: Fixture.time)
        #expect(try await Self.state(bench).messages == 4)
    }

    /// The first process stored the event and died before it recorded it.
    @Test func aRetryRecordsWhatAFormerAttemptLeft() async throws {
        let bench = try await Bench()
        let event = try Self.request("1")
        _ = try await bench.jetStream.publish(
            subject: EventSubject.approval(tenant: "acme", place: .request(approvalID: "apr")),
            headers: EventMessage.headers(of: event, intake: Fixture.time, messageID: nil),
            payload: event.payload.bytes
        )
        let appended = try await bench.another().append(event, intake: Fixture.time)
        #expect(appended.isDuplicate && appended.cursor.sequence == 1)
        let record = try await ApprovalRecords(beside: bench.log).record(at: .request(approvalID: "apr"), tenant: "acme")
        #expect(record?.request == appended.cursor)
    }

    /// While only the record of the request, or of its decision, is left.
    @Test func anIDIsInUseWhileItsRecordIsKept() async throws {
        let bench = try await Bench()
        let other = try await bench.another()
        _ = try await bench.log.append(try Self.request("1"), intake: Fixture.time)
        try await bench.delete(1)
        func isRefused(_ event: Event) async throws -> Bool {
            do {
                _ = try await other.append(event, intake: Fixture.time)
                return false
            } catch {
                return error.code == .conflict && error.field == "payload.approvalId"
            }
        }
        #expect(try await isRefused(try Self.request("2", remediation: "other")))
        #expect(try await bench.log.bounds().lastSequence == 1, "nothing was stored")
        try await bench.jetStream.deleteMessage(stream: EventLogConfiguration.approvalsName, sequence: 1)
        #expect(try await !isRefused(try Self.request("2", remediation: "other")))
    }

    /// A retry without an id is recognised by its content until the decision is recorded, wherever that is announced.
    @Test func aRecordedDecisionEndsRetriesWithoutAnID() async throws {
        let bench = try await Bench()
        func request(_ id: String) throws -> Event {
            var event = try Self.request(id)
            event.assigned = [.id]
            return event
        }
        let first = try await bench.log.append(request("1"), intake: Fixture.time)
        #expect(try await bench.another().append(request("2"), intake: Fixture.time).cursor == first.cursor)
        _ = try await Self.store("d", at: .decision(approvalID: "apr"), in: bench.log)
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(request("3"), intake: Fixture.time) }
        #expect(error?.code == .conflict && error?.field == "payload.approvalId")
    }
}
