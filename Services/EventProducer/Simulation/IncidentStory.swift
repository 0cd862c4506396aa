import Basics
import EventModel

/// Generates an incident from report to resolution: agents investigate, some find a known solution, a remediation is proposed, and people are asked for
/// approval.
///
/// If an approval is needed, the story waits until people have decided or the approval has expired, and goes on accordingly. Only with a cast that decides
/// automatically does the story decide.
struct IncidentStory {
    private let scenario: Scenario
    private let incident: String
    private let remediation: String
    private let approval: String
    private let notification: String
    /// The user who is asked to decide.
    private let onCall: UserID

    /// Generates a story.
    static func write(at now: Timestamp, in cast: Cast, using generator: inout some RandomNumberGenerator) -> Story {
        let story = IncidentStory(
            scenario: generator.pick(Scenario.all),
            incident: generator.identifier("inc", at: now),
            remediation: generator.identifier("rem", at: now),
            approval: generator.identifier("apr", at: now),
            notification: generator.identifier("ntf", at: now),
            onCall: generator.pick(cast.users)
        )
        var steps = story.investigation(isRecognised: generator.chance(1, in: 2))
        if story.scenario.needsApproval {
            let patience = generator.seconds(120...300)
            steps += story.request(patience: patience)
            if cast.decidesApprovals {
                steps += story.decision(after: generator.seconds(5...20), isApproved: generator.chance(4, in: 5))
            } else {
                let wait = Story.Wait(approvalID: ApprovalID(generated: story.approval), patience: patience) { story.rest(after: $0) }
                return Story(steps, at: now, then: wait)
            }
        } else {
            steps += story.execution(from: "investigating")
        }
        return Story(steps, at: now)
    }

    private func step(
        after pause: Duration = .zero,
        _ type: String,
        _ summary: String,
        _ payload: @escaping @Sendable (Timestamp) -> JSONObject
    ) -> Story.Step {
        Story.Step(after: pause) { now in Happening(type: type, summary: summary, payload: payload(now)) }
    }

    private func statusChange(from: String, to: String, reason: String? = nil) -> Story.Step {
        step("incident.status_changed", "\(scenario.title): \(from) → \(to)") { _ in
            var payload: JSONObject = [
                "incidentId": .string(incident), "previousStatus": .string(from), "status": .string(to),
            ]
            if let reason { payload.append("reason", .string(reason)) }
            return payload
        }
    }

    private func investigation(isRecognised: Bool) -> [Story.Step] {
        var steps = [
            step("incident.created", scenario.title) { _ in
                [
                    "incidentId": .string(incident), "title": .string(scenario.title), "severity": .string(scenario.severity),
                    "service": .string(scenario.service), "status": "open",
                ]
            },
            statusChange(from: "open", to: "investigating"),
        ]
        for (index, finding) in scenario.findings.enumerated() {
            steps.append(
                step("investigation.progress", "\(finding.agent): \(finding.message)") { _ in
                    [
                        "incidentId": .string(incident), "message": .string(finding.message), "agentName": .string(finding.agent),
                        "step": .integer(index + 1), "steps": .integer(scenario.findings.count),
                    ]
                }
            )
            if index == 1, isRecognised, let solution = scenario.knownSolution {
                steps.append(
                    step("investigation.known_solution_found", solution) { _ in
                        ["incidentId": .string(incident), "title": .string(solution)]
                    }
                )
            }
        }
        steps.append(
            step("investigation.completed", scenario.rootCause) { _ in
                ["incidentId": .string(incident), "rootCause": .string(scenario.rootCause)]
            }
        )
        steps.append(
            step("remediation.proposed", scenario.remediation) { _ in
                [
                    "incidentId": .string(incident), "remediationId": .string(remediation), "title": .string(scenario.remediation),
                    "requiresApproval": .boolean(scenario.needsApproval),
                ]
            }
        )
        return steps
    }

    private func request(patience: Duration) -> [Story.Step] {
        [
            statusChange(from: "investigating", to: "awaiting_approval"),
            step("approval.requested", "May we? \(scenario.remediation)") { now in
                [
                    "approvalId": .string(approval), "remediationId": .string(remediation), "incidentId": .string(incident),
                    "title": .string(scenario.remediation), "requestedBy": "remediation planner",
                    "expiresAt": .string(now.advanced(by: patience).iso8601),
                ]
            },
            Story.Step { now in
                Happening(
                    type: "notification.created",
                    summary: "\(scenario.remediation) awaits your decision",
                    user: onCall,
                    payload: [
                        "id": .string(notification), "title": "Your decision is needed",
                        "body": .string(scenario.remediation), "incidentId": .string(incident), "approvalId": .string(approval),
                        "createdAt": .string(now.iso8601),
                    ]
                )
            },
        ]
    }

    private func decision(after pause: Duration, isApproved: Bool) -> [Story.Step] {
        let action = isApproved ? "approve" : "reject"
        let decision = [
            step(after: pause, "approval.resolved", "\(onCall): \(action)") { now in
                [
                    "approvalId": .string(approval), "remediationId": .string(remediation), "incidentId": .string(incident),
                    "action": .string(action), "decidedBy": .string(onCall.text), "decidedAt": .string(now.iso8601),
                ]
            },
            step(isApproved ? "remediation.approved" : "remediation.rejected", scenario.remediation) { _ in
                ["remediationId": .string(remediation), "incidentId": .string(incident), "approvalId": .string(approval)]
            },
        ]
        return decision + rest(after: isApproved ? .approved : .rejected(by: onCall.text))
    }

    /// Returns how the story ends after a decision on its approval; without one, after a wait that was cut short.
    private func rest(after decision: StoryDecision?) -> [Story.Step] {
        let reason: String
        switch decision {
        case .approved: return execution(from: "awaiting_approval")
        case .rejected(let person): reason = "The remediation was rejected by \(person)"
        case .expired: reason = "The approval expired without a decision"
        case nil: reason = "Closed by hand, before anybody had decided"
        }
        return [statusChange(from: "awaiting_approval", to: "closed", reason: reason)]
    }

    private func execution(from status: String) -> [Story.Step] {
        [
            step("remediation.executed", scenario.remediation) { _ in
                ["remediationId": .string(remediation), "incidentId": .string(incident), "result": "succeeded"]
            },
            statusChange(from: status, to: "resolved"),
        ]
    }
}
