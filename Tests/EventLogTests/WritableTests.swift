import Basics
import EventModel
import Foundation
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// Detection of permanent write failures and their causes, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct WritableTests {
    /// The reason why the log is not writable; nil when it is.
    private static func fault(_ log: EventLog, beside streams: [SideStream] = []) async -> String? {
        do throws(EventLogError) {
            try await log.checkWritable(beside: streams)
            return nil
        } catch {
            return error.message
        }
    }

    private static func edit(_ bench: Bench, _ change: (inout StreamConfiguration) -> Void) async throws {
        var configuration = try await bench.jetStream.streamInfo("EVENTS").configuration
        change(&configuration)
        _ = try await bench.jetStream.updateStream(configuration)
    }

    private static func permissions(denied: String) -> NATSServer.Options {
        .init(
            configuration: """
                authorization { default_permissions: { publish: { allow: ">", deny: [\(denied)] }, subscribe: ">" }
                    users: [ { user: a, password: b } ] }
                no_auth_user: a
                """
        )
    }

    /// An append, by each of the three ways.
    private static func appends(to log: EventLog) -> [@Sendable () async throws -> Void] {
        [
            { _ = try await log.append(try Fixture.event("one"), intake: Fixture.time, timeout: .seconds(60)) },
            {
                _ = try await log.append(
                    contentsOf: [try Fixture.event("two"), try Fixture.event("three")],
                    intake: Fixture.time,
                    timeout: .seconds(60)
                )
            },
            {
                let place = ApprovalPlace.decision(approvalID: ApprovalID("apr"))
                _ = try await log.append(try Fixture.event("four"), onceAt: place, intake: Fixture.time, timeout: .seconds(60))
            },
        ]
    }

    @Test func aPermissionThatIsMissingIsFinalUntilItIsGiven() async throws {
        let server = try await NATSServer(Self.permissions(denied: #""events.>""#))
        let log = try await EventLog.open(on: try await Bench.connect(to: server), configuration: Bench.configuration, logger: Bench.logger)
        #expect(await Self.fault(log) == nil)
        let begun = ContinuousClock.now
        for append in Self.appends(to: log) {
            let error = await #expect(throws: EventLogError.self) { try await append() }
            #expect(error?.code == .notWritable && error?.isRetriable == false)
            #expect(await Self.fault(log)?.contains("permit") == true)
        }
        #expect(ContinuousClock.now - begun < .seconds(30), "nothing was waited for")
        // Nothing is appended meanwhile, and the check stores nothing.
        try server.reload(Self.permissions(denied: #""other""#))
        #expect(await eventually { await Self.fault(log) == nil })
        #expect(try await log.bounds().lastSequence == 0)
        for append in Self.appends(to: log) { try await append() }
        #expect(await Self.fault(log) == nil)
    }

    @Test func aFullStreamThatDropsNothingIsFinalUntilThereIsRoom() async throws {
        let bench = try await Bench()
        try await bench.fill(3)
        try await Self.edit(bench) { stream in
            stream.discard = .new
            stream.maxBytes = 2000
        }
        let large = try Fixture.event("large", payload: #"{"incidentId":"i","x":"\#(String(repeating: "x", count: 4000))"}"#)
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.append(large, intake: Fixture.time, timeout: .seconds(60))
        }
        #expect(error?.code == .notWritable && error?.message.contains("--discard old") == true)
        #expect(await Self.fault(bench.log)?.contains("--discard old") == true)
        try await Self.edit(bench) { stream in
            stream.discard = .old
            stream.maxBytes = 1 << 20
        }
        // A successful append clears it at once; otherwise it lasts for half a minute.
        _ = try await bench.log.append(large, intake: Fixture.time)
        #expect(await Self.fault(bench.log) == nil)
    }

    @Test func aStreamThatWasChangedIsFinal() async throws {
        let bench = try await Bench()
        try await bench.fill(1)
        try await Self.edit(bench) { $0.subjects = ["executions.>"] }
        for append in Self.appends(to: bench.log) {
            let error = await #expect(throws: EventLogError.self) { try await append() }
            #expect(error?.code == .incompatibleStream && error?.message.contains("must include events.>") == true)
        }
        #expect(await Self.fault(bench.log)?.contains("must include events.>") == true)
        try await Self.edit(bench) { $0.subjects = ["events.>", "executions.>"] }
        #expect(await eventually { await Self.fault(bench.log) == nil })
    }

    @Test func aSealedStreamIsFinal() async throws {
        let bench = try await Bench()
        try await Self.edit(bench) { $0.isSealed = true }
        for append in Self.appends(to: bench.log) {
            let error = await #expect(throws: EventLogError.self) { try await append() }
            #expect(error?.isRetriable == false)
        }
        #expect(await Self.fault(bench.log)?.contains("its sealed is true") == true)
    }

    @Test(arguments: ["REQUESTS", "DEADLETTERS"])
    func aStreamBesideTheLogIsLookedAt(_ name: String) async throws {
        let bench = try await Bench()
        let letters = DeadLetters(of: bench.log, logger: Bench.logger)
        let streams = [bench.log.requestStream, letters.stream]
        #expect(await Self.fault(bench.log, beside: streams) == nil, "one that does not exist yet is no fault")
        _ = try await bench.jetStream.createStream(StreamConfiguration(name: name, subjects: ["something.else"]))
        let fault = try #require(await Self.fault(bench.log, beside: streams))
        #expect(fault.contains("The stream \(name) cannot be") && fault.contains("must include"), "\(fault)")
        let error = await #expect(throws: EventLogError.self) {
            switch name {
            case "REQUESTS":
                let key = RequestKey(tenant: Tenant("acme"), user: UserID("ann"), key: "k")
                try await bench.log.claim(key, for: RequestContent([try Fixture.event("e")]), timeout: .seconds(60))
            default:
                try await letters.put(work: "work", subject: "events.acme.a.b", sequence: 1, reason: "")
            }
        }
        #expect(error?.code == .incompatibleStream)
        try await bench.jetStream.deleteStream(name)
        #expect(await Self.fault(bench.log, beside: streams) == nil)
    }

    /// Cursors name sequences below 2^63, so events beyond could not be delivered.
    @Test func aPurgeBeyondAllCursorsIsAFault() async throws {
        let bench = try await Bench()
        try await bench.fill(1)
        try await bench.purge(before: 1 << 63)
        #expect(await Self.fault(bench.log)?.contains("last sequence is 9223372036854775807") == true)
    }

    @Test func theEndOfAllSequencesIsNoTrap() throws {
        let text = #"{"messages":0,"bytes":0,"first_seq":0,"last_seq":18446744073709551615,"consumer_count":0}"#
        let state = try JSONDecoder().decode(StreamInfo.State.self, from: Data(text.utf8))
        #expect(state.firstKept == .max)
    }

    /// Background work that is refused is retried, and does not become a dead letter.
    @Test func workWaitsForWhatSomebodyHasToMend() {
        for code in [EventLogError.Code.notWritable, .incompatibleStream, .unavailable, .full] {
            #expect(WorkOutcome.of(EventLogError(code: code, message: "m")) == .later("m"))
        }
        #expect(WorkOutcome.of(EventLogError(code: .rejected, message: "m")) == .failed("m"))
    }
}
