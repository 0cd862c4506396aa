import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

@Suite struct ChainTableTests {
    private static func chain(_ name: ExecutionName, of tenant: Tenant) -> PageChain {
        let reference = ExecutionReference(tenant: tenant, kind: .agents, name: name)
        return PageChain(source: .execution(reference), encoder: PlainEncoder(), position: ChainPosition(generation: 0, sequence: 0))
    }

    /// A tenant that looks at thousands of executions, or at names that never ran, takes memory from itself alone.
    @Test func tenantsShareTheMemoryForExecutions() {
        var table = ChainTable()
        #expect(table.executionParts(of: "globex") == 1 && table.executionParts(of: "globex", adding: 1) == 1)
        for index in 0..<50 { table.insert(Self.chain(ExecutionName(generated: "a\(index)"), of: "acme")) }
        #expect(table.executionParts(of: "acme") == 50 && table.executionParts(of: "acme", adding: 1) == 51)
        #expect(table.executionParts(of: "globex", adding: 1) == 2)
        for name in ["x", "y"] as [ExecutionName] { table.insert(Self.chain(name, of: "globex")) }
        #expect(table.executionParts(of: "globex") == 4 && table.executionParts(of: "acme") == 100)
        for index in 0..<50 { table.dropUnread(of: Self.chain(ExecutionName(generated: "a\(index)"), of: "acme").source) }
        #expect(table.executionParts(of: "globex") == 2)
    }
}
