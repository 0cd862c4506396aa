import Basics
import EventModel
import NATSClient
import TestKit
import Testing

@testable import EventLog

@Suite("What the streams hold of one tenant", .timeLimit(.minutes(2))) struct TenantPartTests {
    @Test("events on every subject of a tenant and those of its executions are counted, and no other tenant's")
    func log() async throws {
        let bench = try await Bench()
        let empty = try await bench.log.part(of: "acme")
        #expect(empty.messages == 0 && empty.keptSince == nil && empty.filledPercent == 0 && empty.dropsOldest)
        #expect(empty.limits.maxBytes == 1 << 30)
        try await bench.fill(6, tenants: ["acme", "globex", "acme.2"])
        _ = try await bench.jetStream.publish(subject: "events.acme", payload: Array("{}".utf8))
        try await bench.forge(ExecutionReference(tenant: "acme", kind: .agents, name: "scan"), run: "r", number: "1")
        var counts: [UInt64] = []
        for tenant: Tenant in ["acme", "globex", "acme.2", "nobody"] { counts.append(try await bench.log.part(of: tenant).messages) }
        #expect(counts == [4, 2, 2, 0])
        let first = try await bench.jetStream.message(stream: bench.log.configuration.streamName, sequence: 1)
        #expect(try await bench.log.part(of: "nobody").keptSince == Timestamp(serverNanoseconds: first.timestamp))
        #expect(try await bench.jetStream.streamInfo(bench.log.configuration.streamName).state.consumerCount == 0, "nothing is left behind")
    }

    @Test("records of approvals are counted once there are some")
    func approvals() async throws {
        let bench = try await Bench()
        #expect(try await bench.log.approvalsPart(of: "acme") == nil)
        let records = ApprovalRecords(beside: bench.log)
        for (id, tenant) in [("a", "acme"), ("b", "acme"), ("c", "globex")] {
            let event = try Fixture.event(id, tenant: tenant, type: "a.b", payload: "{}")
            _ = try await records.store(event, at: .vote(approvalID: "apr", voter: UserID(id)), intake: Fixture.time, timeout: .seconds(30))
        }
        let part = try #require(try await bench.log.approvalsPart(of: "acme"))
        #expect(part.messages == 2 && !part.dropsOldest && part.keptSince != nil)
    }
}
