"""The events of the surfaces that Causeway reimplements: one of every type that their documentation names, with its samples' values.

Payloads are kept as the bytes a producer might send: spacing, escapes and number forms differ on purpose, because they must all arrive
as they were sent.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    type: str
    payload: bytes
    #: As a producer sends it, and as every surface shows it.
    time: str
    shown_time: str
    user: str | None = None

    def data(self):
        """The one line of data on the notification stream (contract §4)."""
        interior = self.payload.strip()[1:-1]
        members = interior + b"," if interior.strip() else b""
        return b'{"type":"%s",%s"timestamp":"%s"}' % (self.type.encode(), members, self.shown_time.encode())

    def block(self, id):
        """The whole block on the notification stream."""
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (id.encode(), self.type.encode(), self.data())


def _sample(type, payload, time="2024-04-01T14:32:10Z", shown="2024-04-01T14:32:10.000Z", user=None):
    return Sample(type, payload.encode(), time, shown, user)


SAMPLES = [
    _sample("incident.created", '{"incidentId":"inc_EXAMPLE_01JX","title":"Checkout is slow","severity":"high"}'),
    _sample("incident.status_changed", '{"incidentId": "inc_EXAMPLE_01JX", "status": "investigating"}'),
    _sample(
        "investigation.progress",
        '{"incidentId":"inc_EXAMPLE_01JX","message":"Found 10,000 errors across 3 services","agentName":"log analysis"}',
    ),
    _sample(
        "investigation.known_solution_found",
        '{"incidentId":"inc_EXAMPLE_01JX","runbook":"Gr\\u00f6\\u00dfe \\ud83d\\ude80 pr\u00fcfen \U0001f680"}',
    ),
    _sample("investigation.completed", '{"incidentId":"inc_EXAMPLE_01JX","rootCause":"a \\"pool\\" of 50\\nconnections"}'),
    _sample(
        "remediation.proposed",
        '{"incidentId":"inc_EXAMPLE_01JX","remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE",'
        '"title":"Scale connection pool from 50 to 150","requiresApproval":true}',
        "2024-04-01T14:35:00Z",
        "2024-04-01T14:35:00.000Z",
    ),
    _sample(
        "approval.requested",
        '{"approvalId":"apr_01HX9VTPQR3KF8MZWBYD5N6JCE","remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE","incidentId":"inc_EXAMPLE_01JX"}',
        "2024-04-01T16:35:00.1239+02:00",
        "2024-04-01T14:35:00.123Z",
    ),
    _sample(
        "approval.resolved",
        '{"approvalId":"apr_01HX9VTPQR3KF8MZWBYD5N6JCE","remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE","action":"approve"}',
        "2024-04-01T14:42:00Z",
        "2024-04-01T14:42:00.000Z",
    ),
    _sample("remediation.approved", '{"remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE","incidentId":"inc_EXAMPLE_01JX"}'),
    _sample("remediation.rejected", '{"remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCF"}'),
    _sample("remediation.executed", '{"remediationId":"rem_01HX9VTPQR3KF8MZWBYD5N6JCE","took":1.50e+3}'),
    _sample(
        "issue.created",
        '{ "id": "iss_01abc123", "title": "Payment gateway timeout on checkout", "status": "new", "severity": "high", '
        '"risk_score": 74, "source": "pagerduty", "created_at": "2024-01-15T10:00:00.000Z" }',
        "2024-01-15T10:00:00.000Z",
        "2024-01-15T10:00:00.000Z",
    ),
    _sample(
        "issue.status.changed",
        '{"id":"iss_01abc123","previous_status":"new","status":"analyzing","changed_at":"2024-01-15T10:00:05.000Z"}',
        "2024-01-15T10:00:05.000Z",
        "2024-01-15T10:00:05.000Z",
    ),
    _sample(
        "pattern.detected",
        '{"id":"pat_01xyz789","name":"Payment gateway timeout under load","risk_score":82,"status":"emerging","issue_count":7,'
        '"detected_at":"2024-01-15T10:00:10.000Z"}',
        "2024-01-15T10:00:10.000Z",
        "2024-01-15T10:00:10.000Z",
    ),
    _sample("prediction.alert.fired", '{"id":"alr_01","probability":0.9300,"big":12345678901234567890123456789}'),
    _sample("recommendation.status.changed", '{"id":"rec_01","status":"accepted"}'),
    _sample("notification.created", '{"id":"ntf_01","title":"For your eyes only"}', user="usr_1"),
    _sample(
        "job.updated",
        '{"job_id":"rpt_job_01abc789","status":"running","progress":0.65,"result_url":null,"error":null,'
        '"created_at":"2024-01-15T09:55:00.000Z","finished_at":null}',
        "2024-01-15T10:00:15.000Z",
        "2024-01-15T10:00:15.000Z",
    ),
    _sample("tenant.updated", "{}"),
    _sample("house.made_up", '{"nested":{"type":"allowed here","timestamp":[1,2,{"deep":true}]},"empty":"","\\u0061":0}'),
]
