import Basics
import CausewayProducer
import EventLog
import EventModel
import NATSClient
import TestKit
import Testing

/// Publishing events of executions against a real nats-server (contract §9, §10).
@Suite(.timeLimit(.minutes(2))) struct ExecutionTests {
    private static let none: [String: String] = [:]
    private static let half = ["progress": 0.5]

    @Test("an event of an agent lies in the log under the agent, with its run and its number")
    func stored() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish(
            "progress",
            agent: "triage v2",
            tenant: "acme",
            payload: Self.half,
            execution: "run é",
            id: "e1",
            time: Timestamp(millisecondsSinceEpoch: 1_712_000_000_000)
        )
        #expect(first == PublishedExecutionEvent(id: "e1", execution: "run é", number: 1, isDuplicate: false))
        let second = try await bench.producer.publish("complete", agent: "triage v2", tenant: "acme", payload: Self.none, id: "e2")
        #expect(second == PublishedExecutionEvent(id: "e2", execution: "run é", number: 2, isDuplicate: false))
        let stored = try await bench.stored(1)
        #expect(stored.subject == "executions.acme.agents.triage=20v2")
        #expect(stored.text == #"{"progress":0.5}"#)
        let fields = try stored.fields
        #expect(fields["ce-id"] == "e1")
        #expect(fields["ce-type"] == "progress")
        #expect(fields["ce-time"] == "2024-04-01T19:33:20.000Z")
        #expect(fields["causeway-execution"] == "run%20%C3%A9")
        #expect(fields["causeway-number"] == "1")
        #expect(fields["causeway-intake"] == "1700000000000")
        let later = try await bench.stored(2).fields
        #expect(later["causeway-execution"] == "run%20%C3%A9")
        #expect(later["causeway-number"] == "2")
        #expect(later["causeway-first"] == "1")
        #expect(later["causeway-start"] == "1")
    }

    @Test("an event of a workflow lies under the workflow, apart from an agent of the same name")
    func workflow() async throws {
        let bench = try await ProducerBench()
        let step = ["stepId": "s"]
        let agent = try await bench.producer.publish("progress", agent: "deploy", tenant: "acme", payload: Self.half)
        let workflow = try await bench.producer.publish("step_start", workflow: "deploy", tenant: "acme", payload: step)
        let foreign = try await bench.producer.publish("step_start", workflow: "deploy", tenant: "globex", payload: step)
        #expect([agent, workflow, foreign].map(\.number) == [1, 1, 1])
        #expect(Set([agent, workflow, foreign].map(\.execution)).count == 3)
        #expect(try await bench.stored(2).subject == "executions.acme.workflows.deploy")
        #expect(try await bench.stored(3).subject == "executions.globex.workflows.deploy")
    }

    @Test("members called type and timestamp are members like others")
    func streamMembers() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish("thinking", agent: "a", tenant: "acme", payload: ["type": "t", "timestamp": "x"])
        #expect(try await bench.stored(1).text == #"{"timestamp":"x","type":"t"}"#)
        let error = await failure { try await bench.producer.publish("a.b", tenant: "acme", payload: ["type": "t"]) }
        #expect(error?.code == .invalidEvent)
        #expect(error?.field == "payload.type")
    }

    @Test("the event behind a final one begins another execution, whose numbers go on; its id was made")
    func nextExecution() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half)
        let end = try await bench.producer.publish("failed", agent: "a", tenant: "acme", payload: Self.none)
        let next = try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half)
        #expect([first, end, next].map(\.number) == [1, 2, 3])
        #expect(first.execution == end.execution)
        #expect(next.execution != first.execution)
        #expect(!first.execution.isEmpty)
        #expect(Set([first, end, next].map(\.id)).count == 3)
    }

    @Test("the same event again is not stored, and is answered with the number and the execution of the first time, by any process")
    func duplicate() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish("complete", agent: "a", tenant: "acme", payload: Self.none, id: "e")
        let other = try await bench.another()
        let again = try await other.publish("complete", agent: "a", tenant: "acme", payload: Self.none, id: "e")
        #expect(again == PublishedExecutionEvent(id: "e", execution: first.execution, number: 1, isDuplicate: true))
        #expect(try await bench.storedCount == 1)
        let error = await failure { try await other.publish("failed", agent: "a", tenant: "acme", payload: Self.none, id: "e") }
        #expect(error?.code == .conflict)
        #expect(error?.field == "id")
        #expect(try await bench.storedCount == 1)
        await other.close()
    }

    @Test("an execution that has ended takes no more, and while one runs no other begins: conflicts that name the execution")
    func conflicts() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half, execution: "one")
        let running = await failure {
            try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half, execution: "two")
        }
        #expect(running?.code == .conflict)
        #expect(running?.field == "execution")
        #expect(running?.message.contains("one") == true)
        try await bench.producer.publish("complete", agent: "a", tenant: "acme", payload: Self.none, execution: "one")
        let ended = await failure {
            try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half, execution: "one")
        }
        #expect(ended?.code == .conflict)
        #expect(ended?.field == "execution")
        #expect(ended?.message.contains("has ended") == true)
        #expect(try await bench.storedCount == 2)
        let two = try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half, execution: "two")
        #expect(two.execution == "two")
        #expect(two.number == 3)
    }

    @Test(
        "replacing an execution that runs ends it first, with the final type of its kind",
        arguments: [
            (ExecutionReference.Kind.agents, "thinking", "failed"), (.workflows, "waiting", "workflow_failed"),
        ]
    )
    func replacing(kind: ExecutionReference.Kind, type: String, final: String) async throws {
        let bench = try await ProducerBench()
        let reference = ExecutionReference(tenant: "acme", kind: kind, name: "a")
        let draft = { (run: ExecutionRun) in try ExecutionDraft(kind: kind, type: type, payload: .empty, run: run) }
        try await bench.producer.publish(draft("one"), to: reference)
        let second = try await bench.producer.publish(draft("two"), to: reference, replacing: true)
        #expect(second.execution == "two")
        #expect(second.number == 3)
        let end = try await bench.stored(2).fields
        #expect(end["causeway-execution"] == "one")
        #expect(end["causeway-number"] == "2")
        #expect(end["ce-type"] == final)
    }

    @Test("a draft of another kind or tenant than the reference is refused")
    func otherReference() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.ready()
        let workflow = ExecutionReference(tenant: "acme", kind: .workflows, name: "w")
        let complete = try ExecutionDraft(kind: .agents, type: "complete", payload: .empty)
        #expect(await failure { try await bench.producer.publish(complete, to: workflow) }?.field == "type")
        let foreign = try ExecutionDraft(kind: .workflows, type: "waiting", payload: .empty, tenant: "globex")
        let refusal = await failure { try await bench.producer.publish(foreign, to: workflow) }
        #expect(refusal?.code == .invalidEvent && refusal?.field == "tenant")
        #expect(try await bench.storedCount == 0)
    }

    @Test("how far the current execution has come is read from the log; of what never ran there is none")
    func current() async throws {
        let bench = try await ProducerBench()
        let reference = ExecutionReference(tenant: "acme", kind: .agents, name: "a")
        #expect(try await bench.producer.execution(of: reference) == nil)
        try await bench.producer.publish("progress", agent: "a", tenant: "acme", payload: Self.half, execution: "one")
        let running = try #require(try await bench.producer.execution(of: reference))
        #expect(running.execution == "one")
        #expect(running.number == 1)
        #expect(!running.hasEnded)
        #expect(running.lastEvent == ProducerBench.now)
        try await bench.producer.publish("failed", agent: "a", tenant: "acme", payload: Self.none)
        let ended = try #require(try await bench.producer.execution(of: reference))
        #expect(ended.number == 2)
        #expect(ended.hasEnded)
        #expect(try await bench.producer.execution(of: ExecutionReference(tenant: "globex", kind: .agents, name: "a")) == nil)
    }

    @Test("several events are checked before the first is stored: an id that stands for another content is a conflict with its index")
    func checks() async throws {
        let bench = try await ProducerBench()
        let reference = ExecutionReference(tenant: "acme", kind: .agents, name: "a")
        func draft(_ id: EventID, _ payload: String) throws -> ExecutionDraft {
            try ExecutionDraft(kind: .agents, type: "thinking", payload: Payload.of(payload), id: id)
        }
        let stored = try await bench.producer.publish(draft("used", #"{"n":1}"#), to: reference)
        let answers = try await bench.producer.check([draft("a", "{}"), draft("used", #"{"n":1}"#)], of: reference)
        #expect(answers.count == 2 && answers[0] == nil)
        #expect(answers.last??.isDuplicate == true && answers.last??.number == stored.number)
        let error = await failure { try await bench.producer.check([draft("a", "{}"), draft("used", #"{"n":2}"#)], of: reference) }
        #expect(error?.code == .conflict)
        #expect(error?.field == "[1].id")
        let key = RequestKey(tenant: "acme", user: "svc", key: "k")
        try await bench.producer.check([draft("a", "{}")], of: reference, under: key)
        try await bench.producer.check([draft("a", "{}")], of: reference, under: key)
        let other = await failure { try await bench.producer.check([draft("a", "{}")], of: reference, replacing: true, under: key) }
        #expect(other?.code == .conflict)
        #expect(try await bench.storedCount == 1)
    }
}
