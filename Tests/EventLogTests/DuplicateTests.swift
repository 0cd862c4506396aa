import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Comparison of duplicates with the stored event, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct DuplicateTests {
    private static func event(_ id: EventID, source: EventSource? = nil, user: UserID? = nil, n: Int = 1) throws -> Event {
        Event(
            id: id,
            tenant: "acme",
            type: try EventType("a.b"),
            user: user,
            time: Fixture.time,
            source: source,
            payload: try Payload(validating: Array(#"{"n":\#(n)}"#.utf8))
        )
    }

    @Test func theSourceIsPartOfTheIdentity() async throws {
        let bench = try await Bench()
        let events = try [Self.event("x"), Self.event("x", source: "/a"), Self.event("x", source: "/b")]
        let first = try await bench.log.append(contentsOf: events, intake: Fixture.time)
        #expect(first.map(\.cursor.sequence) == [1, 2, 3])
        #expect(try await bench.log.append(contentsOf: events, intake: Fixture.time).map(\.cursor) == first.map(\.cursor))
    }

    @Test func anotherContentIsAConflictAndStoresNothing() async throws {
        let bench = try await Bench()
        let first = try await bench.log.append(try Self.event("x"), intake: Fixture.time)
        for other in try [Self.event("x", n: 2), Self.event("x", user: "ann")] {
            let error = await #expect(throws: EventLogError.self) { try await bench.log.append(other, intake: Fixture.time) }
            #expect(error?.code == .conflict && error?.field == "id" && error?.index == nil && error?.isRetriable == false)
            let batch = try [Self.event("new"), other]
            let batchError = await #expect(throws: EventLogError.self) {
                try await bench.log.append(contentsOf: batch, intake: Fixture.time)
            }
            #expect(batchError?.code == .conflict && batchError?.index == 1)
        }
        #expect(try await bench.log.append(try Self.event("x"), intake: Fixture.time).cursor == first.cursor)
        #expect(try await bench.log.bounds().lastSequence == 1)
    }

    @Test func eachEventForItself() async throws {
        let bench = try await Bench()
        _ = try await bench.log.append(try Self.event("x"), intake: Fixture.time)
        let events = try [Self.event("a"), Self.event("x", n: 2), Self.event("x"), Self.event("b"), Self.event("b", n: 2)]
        let results = try await bench.log.append(each: events, intake: Fixture.time)
        #expect(results.map { try? $0.get().cursor.sequence } == [2, nil, 1, 3, nil])
        #expect(results.map { (try? $0.get().isDuplicate) ?? true } == [false, true, true, false, true])
    }

    @Test func oneIdentityTwiceInACall() async throws {
        let bench = try await Bench()
        let conflict = try [Self.event("x"), Self.event("y"), Self.event("x", n: 2)]
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(contentsOf: conflict, intake: Fixture.time) }
        #expect(error?.code == .conflict && error?.index == 2)
        let same = try [Self.event("x"), Self.event("y"), Self.event("x")]
        #expect(try await bench.log.append(contentsOf: same, intake: Fixture.time).map(\.cursor.sequence) == [1, 2, 1])
    }

    @Test func aTimeIsComparedOnlyIfItWasGiven() async throws {
        let bench = try await Bench()
        let later = Timestamp(millisecondsSinceEpoch: Fixture.time.millisecondsSinceEpoch + 5000)
        func untimed(_ time: Timestamp) throws -> Event {
            let payload = try Payload(validating: Array(#"{"n":1}"#.utf8))
            return try EventDraft(type: EventType("a.b"), payload: payload, id: "x").resolve(tenant: "acme", id: "x", time: time)
        }
        let first = try await bench.log.append(untimed(Fixture.time), intake: Fixture.time)
        #expect(try await bench.log.append(untimed(later), intake: later).cursor == first.cursor)
        let other = try Self.event("x")
        let moved = Event(id: "x", tenant: "acme", type: other.type, time: later, payload: other.payload)
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(moved, intake: later) }
        #expect(error?.code == .conflict)
    }

    @Test func whatAnIDFindsIsComparedBeforeItIsBelieved() async throws {
        let bench = try await Bench()
        let id = MessageID.event(try Self.event("x").identity)
        for (subject, headers) in [
            ("events.other.a.b", ["ce-id": "x"] as NATSHeaders), ("events.acme.a.b", ["ce-id": "y"]),
            ("events.acme.a.b", ["ce-nonsense": "y"]),
            ("executions.acme.agents.a", [:]),
        ] {
            let bench = try await Bench()
            _ = try await bench.jetStream.publish(subject: subject, headers: headers, payload: Array(#"{"n":1}"#.utf8), messageID: id)
            let error = await #expect(throws: EventLogError.self) { try await bench.log.append(try Self.event("x"), intake: Fixture.time) }
            #expect(error?.code == .conflict, "\(subject)")
        }
        // A dropped event cannot be compared.
        _ = try await bench.log.append(try Self.event("x"), intake: Fixture.time)
        _ = try await bench.connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS", payload: [])
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(try Self.event("x"), intake: Fixture.time) }
        #expect(error?.code == .conflict)
    }

    @Test func anEventThatIsTooLargeKeepsTheOthersOut() async throws {
        let server = try await NATSServer(.init(configuration: "max_payload: 4096"))
        let log = try await EventLog.open(on: try await Bench.connect(to: server), configuration: Bench.configuration, logger: Bench.logger)
        func event(_ count: Int) throws -> Event {
            let payload = #"{"x":"\#(String(repeating: "x", count: count))"}"#
            return Event(
                id: EventID(generated: "e\(count)"),
                tenant: "acme",
                type: try EventType("a.b"),
                time: Fixture.time,
                payload: try Payload(validating: Array(payload.utf8))
            )
        }
        let error = await #expect(throws: EventLogError.self) {
            try await log.append(contentsOf: [event(1), event(5000)], intake: Fixture.time)
        }
        #expect(error?.code == .tooLarge && error?.index == 1 && error?.message.contains("4096") == true)
        #expect(try await log.bounds().lastSequence == 0)
        // The computed size equals the server's: every size around the limit is either stored or refused as too large.
        var sizes: [Bool] = []
        for count in 3600..<4096 {
            do throws(EventLogError) {
                _ = try await log.append(try! event(count), intake: Fixture.time)
                sizes.append(true)
            } catch {
                #expect(error.code == .tooLarge && error.message.contains("bytes with its headers"), "\(error)")
                sizes.append(false)
            }
        }
        #expect(sizes.first == true && sizes.last == false && sizes == sizes.sorted { $0 && !$1 })
        let reference = ExecutionReference(tenant: "acme", kind: .agents, name: "a")
        let writer = ExecutionWriter(log: log)
        for count in 3500..<4096 {
            var large = try event(count)
            large.type = try ExecutionCatalogue.type("note", of: .agents)
            do throws(EventLogError) {
                _ = try await writer.append(large, to: reference, intake: Fixture.time)
            } catch {
                #expect(error.code == .tooLarge && error.message.contains("bytes with its headers"), "\(error)")
            }
        }
    }

    @Test func aRequestForADecidedApprovalIsAConflict() async throws {
        let bench = try await Bench()
        func request(_ id: EventID, _ approval: String) throws -> Event {
            try Fixture.event(id.text, type: "approval.requested", payload: #"{"approvalId":"\#(approval)","remediationId":"r"}"#)
        }
        let first = try await bench.log.append(request("1", "decided"), intake: Fixture.time)
        let decision = try Fixture.event(
            "d",
            type: "approval.resolved",
            payload: #"{"approvalId":"decided","remediationId":"r","action":"approve"}"#
        )
        _ = try await bench.log.append(decision, onceAt: .decision(approvalID: "decided"), intake: Fixture.time)
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.append(contentsOf: [request("2", "open"), request("3", "decided")], intake: Fixture.time)
        }
        #expect(error?.code == .conflict && error?.field == "payload.approvalId" && error?.index == 1)
        #expect(try await bench.log.append(request("1", "decided"), intake: Fixture.time).cursor == first.cursor, "a repetition is none")
        let results = try await bench.log.append(each: [request("2", "open"), request("3", "decided")], intake: Fixture.time)
        #expect(results.map { (try? $0.get()) != nil } == [true, false])
    }

    // MARK: One request an approval

    private static func request(
        _ id: EventID,
        _ approval: String = "apr",
        remediation: String = "r",
        tenant: String = "acme"
    ) throws -> Event {
        let payload = #"{"approvalId":"\#(approval)","remediationId":"\#(remediation)"}"#
        return try Fixture.event(id.text, tenant: tenant, type: "approval.requested", payload: payload)
    }

    private static func isRefused(_ error: EventLogError?, at index: Int? = nil) -> Bool {
        error?.code == .conflict && error?.field == "payload.approvalId" && error?.index == index && error?.isRetriable == false
    }

    @Test func anApprovalHasOneRequest() async throws {
        let bench = try await Bench()
        let first = try await bench.log.append(Self.request("1"), intake: Fixture.time)
        for log in [bench.log, try await bench.another()] {
            let single = await #expect(throws: EventLogError.self) {
                try await log.append(Self.request("2", remediation: "other"), intake: Fixture.time)
            }
            #expect(Self.isRefused(single))
            let batch = await #expect(throws: EventLogError.self) {
                try await log.append(contentsOf: [Fixture.event("new"), Self.request("2")], intake: Fixture.time)
            }
            #expect(Self.isRefused(batch, at: 1))
            let each = try await log.append(each: [Self.request("2"), Self.request("1")], intake: Fixture.time)
            #expect(each.map { try? $0.get().cursor } == [nil, first.cursor])
            let again = try await log.append(Self.request("1"), intake: Fixture.time)
            #expect(again.isDuplicate && again.cursor == first.cursor)
        }
        #expect(try await bench.log.bounds().lastSequence == 1)
        // Another tenant's approval is another one.
        #expect(try await !bench.log.append(Self.request("1", tenant: "globex"), intake: Fixture.time).isDuplicate)
        try await bench.withFeed { _, recorder in
            #expect(await eventually { recorder.count == 2 })
            #expect(recorder.state.withLock { $0.entries.first?.approvalPlace } == .request(approvalID: "apr"))
            #expect(recorder.state.withLock { $0.entries.first?.event.type.name } == "approval.requested")
        }
    }

    /// A producer that retries without an id, before and after the decision.
    @Test func aRequestWithoutAnIDIsRecognisedByItsContentWhileItWaits() async throws {
        let bench = try await Bench()
        func request(_ id: EventID, remediation: String = "r") throws -> Event {
            var event = try Self.request(id, remediation: remediation)
            event.assigned = [.id]
            return event
        }
        let first = try await bench.log.append(request("1"), intake: Fixture.time)
        let again = try await bench.another().append(request("2"), intake: Fixture.time)
        #expect(again.isDuplicate && again.cursor == first.cursor)
        let pair = try await bench.log.append(contentsOf: [request("3"), request("4")], intake: Fixture.time)
        #expect(pair.map(\.cursor) == [first.cursor, first.cursor])
        let other = await #expect(throws: EventLogError.self) {
            try await bench.log.append(request("5", remediation: "other"), intake: Fixture.time)
        }
        #expect(Self.isRefused(other))
        let payload = #"{"approvalId":"apr","remediationId":"r","action":"approve"}"#
        let decision = try Fixture.event("d", type: "approval.resolved", payload: payload)
        _ = try await bench.log.append(decision, onceAt: .decision(approvalID: "apr"), intake: Fixture.time)
        let late = await #expect(throws: EventLogError.self) { try await bench.log.append(request("6"), intake: Fixture.time) }
        #expect(Self.isRefused(late))
        #expect(try await bench.log.bounds().lastSequence == 2)
    }

    @Test func ofTwoRequestsInACallTheFirstCounts() async throws {
        let bench = try await Bench()
        let events = try [Self.request("1"), Self.request("2", "another"), Self.request("3")]
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(contentsOf: events, intake: Fixture.time) }
        #expect(Self.isRefused(error, at: 2))
        #expect(try await bench.log.bounds().lastSequence == 0)
        let each = try await bench.log.append(each: events, intake: Fixture.time)
        #expect(each.map { try? $0.get().cursor.sequence } == [1, 2, nil])
        let same = try [Self.request("4", "third"), Self.request("4", "third")]
        #expect(try await bench.log.append(contentsOf: same, intake: Fixture.time).map(\.cursor.sequence) == [3, 3])
    }

    @Test func ofManyRequestsAtOnceOneWins() async throws {
        let bench = try await Bench()
        let logs = [bench.log, try await bench.another(), try await bench.another()]
        for round in 0..<20 {
            let stored = await withTaskGroup(of: Bool?.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        let id = EventID(generated: "\(round)-\(index)")
                        do {
                            _ = try await logs[index % 3].append(Self.request(id, "apr-\(round)"), intake: Fixture.time)
                            return true
                        } catch {
                            return Self.isRefused(error as? EventLogError) ? false : nil
                        }
                    }
                }
                return await group.reduce(into: [Bool?]()) { $0.append($1) }
            }
            #expect(stored.count { $0 == true } == 1 && stored.count { $0 == false } == 11)
            #expect(try await bench.log.bounds().lastSequence == UInt64(round + 1))
        }
    }

    /// After the duplicate window the server has forgotten the ids; then the stored event at the place is compared.
    @Test func aRepetitionIsRecognisedForAsLongAsTheRequestIsKept() async throws {
        let bench = try await Bench()
        let event = try Self.request("1")
        // As if its id were forgotten.
        _ = try await bench.jetStream.publish(
            subject: EventSubject.approval(tenant: "acme", place: .request(approvalID: "apr")),
            headers: EventMessage.headers(of: event, intake: Fixture.time, messageID: nil),
            payload: event.payload.bytes
        )
        let again = try await bench.log.append(event, intake: Fixture.time)
        #expect(again.isDuplicate && again.cursor.sequence == 1)
        let batch = try await bench.log.append(contentsOf: [Fixture.event("n"), event], intake: Fixture.time)
        #expect(batch.map(\.isDuplicate) == [false, true])
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.append(Self.request("1", remediation: "other"), intake: Fixture.time)
        }
        #expect(Self.isRefused(error))
    }

    /// As long as its record, or what the log keeps of its decision and effect, could be shown for another request.
    @Test func anIDIsInUseUntilNothingOfItsApprovalIsKept() async throws {
        let bench = try await Bench()
        let decision = try Fixture.event(
            "d",
            type: "approval.resolved",
            payload: #"{"approvalId":"apr","remediationId":"r","action":"approve"}"#
        )
        let effect = try Fixture.event("e", type: "remediation.approved", payload: #"{"remediationId":"r"}"#)
        _ = try await bench.log.append(Self.request("1"), intake: Fixture.time)
        _ = try await bench.log.append(decision, onceAt: .decision(approvalID: "apr"), intake: Fixture.time)
        _ = try await bench.log.append(effect, onceAt: .effect(approvalID: "apr"), intake: Fixture.time)
        for sequence in 1...3 as ClosedRange<UInt64> {
            let error = await #expect(throws: EventLogError.self) { try await bench.log.append(Self.request("2"), intake: Fixture.time) }
            #expect(Self.isRefused(error), "before \(sequence) is gone")
            try await bench.delete(sequence)
        }
        let error = await #expect(throws: EventLogError.self) { try await bench.log.append(Self.request("2"), intake: Fixture.time) }
        #expect(Self.isRefused(error), "the log holds nothing of it, but its record is kept")
        try await bench.jetStream.deleteMessage(stream: EventLogConfiguration.approvalsName, sequence: 1)
        #expect(try await bench.log.append(Self.request("2"), intake: Fixture.time).cursor.sequence == 4)
    }

    // MARK: Requests with a key

    @Test func aKeyStandsForOneContent() async throws {
        let bench = try await Bench()
        let other = try await bench.another()
        let key = RequestKey(tenant: "acme", user: "ann", key: "k")
        let events = try [Self.event("x"), Self.event("y")]
        try await bench.log.claim(key, for: RequestContent(events))
        for log in [bench.log, other] {
            try await log.claim(key, for: RequestContent(events))
            for content in try [[], [Self.event("x")], events + [Self.event("z")], [Self.event("x"), Self.event("y", n: 2)]] {
                let error = await #expect(throws: EventLogError.self) { try await log.claim(key, for: RequestContent(content)) }
                #expect(error?.code == .conflict && error?.field == "Idempotency-Key")
            }
        }
        for another in [
            RequestKey(tenant: "acme", user: "ann", key: "k2"), RequestKey(tenant: "acme", user: "bob", key: "k"),
            RequestKey(tenant: "other", user: "ann", key: "k"), RequestKey(tenant: "acme", user: "an", key: "nk"),
        ] {
            try await bench.log.claim(another, for: RequestContent([]))
        }
        #expect(try await bench.log.bounds().lastSequence == 0, "a key is nobody's event")
    }

    @Test func whetherARequestReplacesIsPartOfItsContent() throws {
        let payload = try Payload(validating: Array(#"{"progress":0}"#.utf8))
        let drafts = [try ExecutionDraft(kind: .agents, type: "progress", payload: payload, run: "r")]
        func content(_ replaces: Bool) -> RequestContent { RequestContent(drafts, of: Self.reference, replacing: replaces) }
        #expect(content(true) == content(true) && content(false) == content(false) && content(true) != content(false))
    }

    @Test func aKeySurvivesTheServerAndTheLossOfItsStream() async throws {
        let bench = try await Bench()
        let key = RequestKey(tenant: "acme", user: "ann", key: "k")
        let content = RequestContent([try Self.event("x")])
        try await bench.log.claim(key, for: content)
        bench.server.kill()
        try await bench.server.start()
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.claim(key, for: RequestContent([]), timeout: .seconds(30))
        }
        #expect(error?.code == .conflict)
        try await bench.jetStream.deleteStream("REQUESTS")
        try await bench.log.claim(key, for: RequestContent([]), timeout: .seconds(30))
    }

    // MARK: Executions

    private static let reference = ExecutionReference(tenant: "acme", kind: .agents, name: "a")

    private static func progress(_ id: EventID, _ type: String = "progress", n: Int = 1) throws -> Event {
        Event(
            id: id,
            tenant: "acme",
            type: try ExecutionCatalogue.type(type, of: .agents),
            time: Fixture.time,
            payload: try Payload(validating: Array(#"{"progress":0,"n":\#(n)}"#.utf8))
        )
    }

    @Test func anExecutionsEventIsIdentifiedByItsRunToo() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        func append(_ event: Event, _ choice: ExecutionChoice) async throws -> AppendedExecutionEvent {
            try await writer.append(event, to: Self.reference, choice, intake: Fixture.time).get()
        }
        let inA = try await append(Self.progress("x"), .named("A"))
        _ = try await append(Self.progress("end", "complete"), .named("A"))
        let inB = try await append(Self.progress("x", n: 2), .named("B"))
        #expect(!inB.isDuplicate && inB.run == "B")
        #expect(try await append(Self.progress("x"), .named("A")).sequence == inA.sequence)
        #expect(try await append(Self.progress("x", n: 2), .named("B")).sequence == inB.sequence)
        let error = await #expect(throws: EventLogError.self) { try await append(Self.progress("x", n: 3), .named("B")) }
        #expect(error?.code == .conflict && error?.field == "id")
        // Without a run it is the one of the current run.
        #expect(try await append(Self.progress("x", n: 2), .current).sequence == inB.sequence)
        let unnamed = try await append(Self.progress("y"), .current)
        #expect(try await append(Self.progress("y"), .named("B")).sequence == unnamed.sequence)
        _ = try await append(Self.progress("end", "complete"), .current)
        #expect(try await append(Self.progress("y"), .current).sequence == unnamed.sequence, "recognised after its run has ended")
        let inC = try await append(Self.progress("y"), .named("C"))
        #expect(!inC.isDuplicate && inC.run == "C")
    }
}
