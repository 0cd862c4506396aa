import Basics
import CausewayProducer
import EventModel
import TestKit
import Testing

/// Events that violate the contract are rejected before sending, without a bus.
@Suite(.timeLimit(.minutes(1))) struct InvalidEventTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var type = "incident.created"
        var tenant = "acme"
        var user: String?
        var payload = #"{"incidentId":"i"}"#
        var id: String?
        var source: String?
        var field: String
    }

    static let faults = [
        Fault(testDescription: "a type of one word", type: "incident", field: "type"),
        Fault(testDescription: "a type with capitals", type: "Incident.created", field: "type"),
        Fault(testDescription: "a type of the surfaces", type: "stream.end", field: "type"),
        Fault(testDescription: "a keepalive's type", type: "ping", field: "type"),
        Fault(testDescription: "a type that is too long", type: "a." + String(repeating: "b", count: 127), field: "type"),
        Fault(testDescription: "no tenant", tenant: "", field: "tenant"),
        Fault(testDescription: "a tenant with a line end", tenant: "ac\nme", field: "tenant"),
        Fault(testDescription: "a tenant that is too long", tenant: String(repeating: "t", count: 257), field: "tenant"),
        Fault(testDescription: "an empty user", user: "", field: "user"),
        Fault(testDescription: "a user with a C1 control", user: "a\u{85}", field: "user"),
        Fault(testDescription: "an empty id", id: "", field: "id"),
        Fault(testDescription: "an id that is too long", id: String(repeating: "i", count: 257), field: "id"),
        Fault(testDescription: "an empty source", source: "", field: "source"),
        Fault(testDescription: "a source that is too long", source: String(repeating: "s", count: 513), field: "source"),
        Fault(testDescription: "a required member that is missing", payload: "{}", field: "payload.incidentId"),
        Fault(testDescription: "a required identifier that is a number", payload: #"{"incidentId":1}"#, field: "payload.incidentId"),
        Fault(
            testDescription: "an optional member that breaks its rule",
            type: "approval.requested",
            payload: #"{"approvalId":"a","remediationId":"r","expiresAt":"tomorrow"}"#,
            field: "payload.expiresAt"
        ),
    ]

    @Test("an event that breaks a rule of the contract is invalidEvent with the field, not sent", arguments: faults)
    func invalid(_ fault: Fault) async throws {
        let producer = try await ProducerBench.unconnected(timeout: .seconds(60))
        let payload = try Payload.of(fault.payload)
        let error = await failure {
            if let user = fault.user {
                try await producer.publishUser(
                    fault.type,
                    tenant: fault.tenant,
                    user: user,
                    payload: payload,
                    id: fault.id,
                    source: fault.source
                )
            } else {
                try await producer.publish(fault.type, tenant: fault.tenant, payload: payload, id: fault.id, source: fault.source)
            }
        }
        #expect(error?.code == .invalidEvent)
        #expect(error?.field == fault.field)
        #expect(error?.isRetriable == false)
        await producer.close()
    }

    @Test(
        "an event of an execution that breaks a rule is invalidEvent with the field",
        arguments: [
            (.agents, "complete.now", "a", [:], nil, "type"),
            (.agents, "error", "a", [:], nil, "type"),
            // Of the other kind: it would never end.
            (.workflows, "complete", "a", [:], nil, "type"),
            (.agents, "workflow_complete", "a", [:], nil, "type"),
            (.agents, "progress", "a", [:], nil, "payload.progress"),
            (.agents, "progress", "a", ["progress": .number(1.01)], nil, "payload.progress"),
            (.agents, "progress", "a", ["progress": .text("0.5")], nil, "payload.progress"),
            (.workflows, "step_start", "a", [:], nil, "payload.stepId"),
            (.agents, "complete", "", [:], nil, "name"),
            // No URL can carry it.
            (.agents, "complete", "a/../b", [:], nil, "name"),
            (.agents, "complete", "a", [:], "run\u{7F}", "execution"),
        ] as [(ExecutionReference.Kind, String, String, [String: Member], String?, String)]
    )
    func invalidExecution(
        kind: ExecutionReference.Kind,
        type: String,
        name: String,
        payload: [String: Member],
        run: String?,
        field: String
    ) async throws {
        let producer = try await ProducerBench.unconnected(timeout: .seconds(60))
        let error = await failure {
            switch kind {
            case .agents: try await producer.publish(type, agent: name, tenant: "acme", payload: payload, execution: run)
            case .workflows: try await producer.publish(type, workflow: name, tenant: "acme", payload: payload, execution: run)
            }
        }
        #expect(error?.code == .invalidEvent)
        #expect(error?.field == field)
        await producer.close()
    }

    enum Member: Encodable, Sendable {
        case number(Double)
        case text(String)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .text(let text): try container.encode(text)
            }
        }
    }
}
