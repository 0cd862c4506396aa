import Basics
import EventModel

/// An issue that comes in from a connector, is looked at, and is resolved or dismissed.
enum IssueStory {
    private static let titles = [
        "Refunds are booked twice", "Export of large reports fails", "Mobile app signs people out", "Stock levels lag behind by an hour",
        "Confirmation mails arrive late",
    ]
    private static let sources = ["pagerduty", "datadog", "zendesk", "sentry"]
    private static let severities = ["low", "medium", "high", "critical"]

    /// Writes a story.
    static func write(at now: Timestamp, using generator: inout some RandomNumberGenerator) -> Story {
        let id = generator.identifier("iss", at: now)
        let title = generator.pick(titles)
        let source = generator.pick(sources)
        let rank = Int.random(in: severities.indices, using: &generator)
        let risk = 25 * rank + Int.random(in: 1...25, using: &generator)
        let end = generator.chance(1, in: 4) ? "dismissed" : "resolved"
        func change(from: String, to: String, after pause: Duration) -> Story.Step {
            Story.Step(after: pause) { now in
                Happening(
                    type: "issue.status.changed",
                    summary: "\(title): \(from) → \(to)",
                    payload: [
                        "id": .string(id), "previous_status": .string(from), "status": .string(to), "changed_at": .string(now.iso8601),
                    ]
                )
            }
        }
        let creation = Story.Step { now in
            Happening(
                type: "issue.created",
                summary: title,
                payload: [
                    "id": .string(id), "title": .string(title), "status": "new", "severity": .string(severities[rank]),
                    "risk_score": .integer(risk), "source": .string(source), "created_at": .string(now.iso8601),
                ]
            )
        }
        let steps = [
            creation,
            change(from: "new", to: "analyzing", after: generator.seconds(1...4)),
            change(from: "analyzing", to: end, after: generator.seconds(5...30)),
        ]
        return Story(steps, at: now)
    }
}

/// A pattern over several issues that grows and settles.
enum PatternStory {
    private static let names = [
        "Timeouts after a release", "Disks that fill at month's end", "Certificates that expire at night", "Retries without a limit",
    ]

    /// Writes a story.
    static func write(at now: Timestamp, using generator: inout some RandomNumberGenerator) -> Story {
        let id = generator.identifier("pat", at: now)
        let name = generator.pick(names)
        var issues = Int.random(in: 2...4, using: &generator)
        var risk = Int.random(in: 20...50, using: &generator)
        var steps: [Story.Step] = []
        for status in ["emerging", "active", "stable"] {
            steps.append(
                Story.Step(after: steps.isEmpty ? .zero : generator.seconds(5...20)) { [issues, risk] now in
                    Happening(
                        type: "pattern.detected",
                        summary: "\(name): \(status), \(issues) issues",
                        payload: [
                            "id": .string(id), "name": .string(name), "risk_score": .integer(risk), "status": .string(status),
                            "issue_count": .integer(issues), "detected_at": .string(now.iso8601),
                        ]
                    )
                }
            )
            issues += Int.random(in: 1...5, using: &generator)
            risk += Int.random(in: 1...20, using: &generator)
        }
        return Story(steps, at: now)
    }
}

/// A background report or export; one in eight fails, and only its owner is notified of the end.
enum JobStory {
    /// Writes a story.
    static func write(at now: Timestamp, in cast: Cast, using generator: inout some RandomNumberGenerator) -> Story {
        let id = generator.identifier("job", at: now)
        let owner = generator.pick(cast.users)
        let notification = generator.identifier("ntf", at: now)
        let isFailing = generator.chance(1, in: 8)
        func update(_ status: String, percent: Int, after pause: Duration = .zero, result: String? = nil, error: String? = nil)
            -> Story.Step
        {
            Story.Step(after: pause) { now in
                Happening(
                    type: "job.updated",
                    summary: "\(status), \(percent) %",
                    payload: [
                        "job_id": .string(id), "status": .string(status), "progress": .number(Double(percent) / 100),
                        "result_url": result.map { .string($0) } ?? nil, "error": error.map { .string($0) } ?? nil,
                        "created_at": .string(createdAt.iso8601),
                        "finished_at": result == nil && error == nil ? nil : .string(now.iso8601),
                    ]
                )
            }
        }
        let createdAt = now
        var steps = [update("queued", percent: 0)]
        var percent = Int.random(in: 5...20, using: &generator)
        var reached = 0
        while percent < 100 {
            steps.append(update("running", percent: percent, after: generator.seconds(1...3)))
            reached = percent
            percent += Int.random(in: 15...35, using: &generator)
        }
        let outcome = isFailing ? "failed" : "succeeded"
        steps.append(
            isFailing
                ? update(outcome, percent: reached, error: "The export was larger than the destination allows")
                : update(outcome, percent: 100, result: "/v1/jobs/\(id)/result")
        )
        steps.append(
            Story.Step { now in
                Happening(
                    type: "notification.created",
                    summary: "your export has \(outcome)",
                    user: owner,
                    payload: [
                        "id": .string(notification), "title": "Your export has \(outcome)", "jobId": .string(id),
                        "createdAt": .string(now.iso8601),
                    ]
                )
            }
        )
        return Story(steps, at: now)
    }
}
