import Basics
import EventModel
import TestKit
import Testing

/// The events that the reference documents show, as facts: type, payload, time.
struct ReferenceEvent: Sendable, CustomTestStringConvertible {
    var type: String
    var json: String
    var time: String

    var testDescription: String { type }

    func event(user: String? = nil) throws -> Event {
        let time = try #require(Timestamp(rfc3339: time))
        return try EventDraft(type: EventType(type), payload: payload(), user: user.map { try UserID($0) })
            .resolve(tenant: Tenant("ten_EXAMPLE_ABC123"), id: "event-1", time: time)
    }

    func payload() throws -> Payload { try Payload(validating: bytes(json)) }

    static let all = [
        ReferenceEvent(
            type: "investigation.progress",
            json: #"{"incidentId":"inc_EXAMPLE_01JX","message":"Found 10,000 errors across 3 services","agentName":"log analysis"}"#,
            time: "2024-04-01T14:32:10Z"
        ),
        ReferenceEvent(
            type: "remediation.proposed",
            json: """
                {"incidentId":"inc_EXAMPLE_01JX","remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE",\
                "title":"Scale connection pool from 50 to 150","requiresApproval":true}
                """,
            time: "2024-04-01T14:35:00Z"
        ),
        ReferenceEvent(
            type: "issue.created",
            json: """
                {
                  "id": "iss_01abc123",
                  "title": "Payment gateway timeout on checkout",
                  "status": "new",
                  "severity": "high",
                  "risk_score": 74,
                  "source": "pagerduty",
                  "created_at": "2024-01-15T10:00:00.000Z"
                }
                """,
            time: "2024-01-15T10:00:00.000Z"
        ),
        ReferenceEvent(
            type: "issue.status.changed",
            json: """
                {
                  "id": "iss_01abc123",
                  "previous_status": "new",
                  "status": "analyzing",
                  "changed_at": "2024-01-15T10:00:05.000Z"
                }
                """,
            time: "2024-01-15T10:00:05.000Z"
        ),
        ReferenceEvent(
            type: "pattern.detected",
            json: """
                {
                  "id": "pat_01xyz789",
                  "name": "Payment gateway timeout under load",
                  "risk_score": 82,
                  "status": "emerging",
                  "issue_count": 7,
                  "detected_at": "2024-01-15T10:00:10.000Z"
                }
                """,
            time: "2024-01-15T10:00:10.000Z"
        ),
        ReferenceEvent(
            type: "job.updated",
            json: """
                {
                  "job_id": "rpt_job_01abc789",
                  "status": "running",
                  "progress": 0.65,
                  "result_url": null,
                  "error": null,
                  "created_at": "2024-01-15T09:55:00.000Z",
                  "finished_at": null
                }
                """,
            time: "2024-01-15T10:00:00.000Z"
        ),
    ]
}

/// A cursor for tests that do not care which.
let someCursor = Cursor(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), epoch: 0xBEEF, sequence: 42)

/// The validation error that `body` throws, nil when it throws none.
func fault(_ body: () throws -> some Any) -> ValidationError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? ValidationError
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ write: (inout [UInt8]) -> Void) -> String {
    var out: [UInt8] = []
    write(&out)
    return String(decoding: out, as: UTF8.self)
}
