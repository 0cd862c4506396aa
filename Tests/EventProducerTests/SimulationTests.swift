import Basics
import EventModel
import TestKit
import Testing

@testable import event_producer

/// Runs a simulation against a private clock.
private struct Run {
    var simulation: Simulation
    var now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    let interval: Duration

    init(tenants: [String] = ["acme", "globex"], decidesApprovals: Bool = false, seed: UInt64 = 7, interval: Duration = .milliseconds(500))
        throws
    {
        let cast = Cast(
            tenants: try tenants.map { name throws(ValidationError) in try Tenant(name) },
            users: ["ann", "bob"],
            decidesApprovals: decidesApprovals
        )
        simulation = Simulation(cast: cast, seed: seed)
        self.interval = interval
    }

    mutating func next() throws -> SimulatedEvent {
        now = now.advanced(by: interval)
        return try simulation.next(at: now)
    }

    /// Returns the next events of tenants; skips events of executions.
    mutating func events(_ count: Int) throws -> [Event] {
        var events: [Event] = []
        while events.count < count {
            let told = try next()
            if told.execution == nil { events.append(told.event) }
        }
        return events
    }
}

@Suite struct SimulationTests {
    @Test func theSameSeedTellsTheSame() throws {
        var first = try Run(seed: 42)
        var second = try Run(seed: 42)
        var third = try Run(seed: 43)
        let events = try first.events(500)
        #expect(try second.events(500) == events)
        #expect(try third.events(500) != events)
    }

    @Test func tellsOfEverything() throws {
        var run = try Run()
        let events = try run.events(4000)
        let types = Set(events.map(\.type.name))
        #expect(
            types == [
                "incident.created", "incident.status_changed", "investigation.progress", "investigation.completed",
                "investigation.known_solution_found", "remediation.proposed", "remediation.executed", "approval.requested",
                "notification.created", "issue.created", "issue.status.changed", "pattern.detected", "job.updated",
            ]
        )
        #expect(Set(events.map(\.tenant.text)) == ["acme", "globex"])
        #expect(Set(events.map(\.id)).count == events.count, "every event has an id of its own")
        #expect(events.allSatisfy { EventCatalogue.requiredFields(of: $0.type) != nil })
    }

    @Test func onlyNotificationsAreForOneUser() throws {
        var run = try Run()
        for event in try run.events(2000) {
            #expect((event.user != nil) == (event.type.name == "notification.created"))
            if let user = event.user { #expect(["ann", "bob"].contains(user)) }
        }
    }

    @Test func leavesDecisionsToPeople() throws {
        let decisions: Set = ["approval.resolved", "remediation.approved", "remediation.rejected"]
        var run = try Run()
        #expect(try run.events(3000).allSatisfy { !decisions.contains($0.type.name) })
        var deciding = try Run(decidesApprovals: true)
        #expect(decisions.isSubset(of: Set(try deciding.events(3000).map(\.type.name))))
    }

    /// Each incident passes through its states in a valid order, and ends.
    @Test(arguments: [false, true], [UInt64(1), 2, 3])
    func incidentsMakeSense(decidesApprovals: Bool, seed: UInt64) throws {
        var run = try Run(decidesApprovals: decidesApprovals, seed: seed)
        let events = try run.events(6000)
        var lives: [String: IncidentLife] = [:]
        for event in events where event.payload.contains("incidentId") && event.user == nil {
            let incident = try #require(event.payload.string("incidentId"))
            try lives[incident, default: IncidentLife(tenant: event.tenant)].take(event)
        }
        let ended = lives.values.filter(\.hasEnded)
        #expect(lives.count > 50)
        #expect(Double(ended.count) > 0.8 * Double(lives.count), "only those that began last are still open")
    }

    @Test func waitsForADecisionUntilItExpires() throws {
        var run = try Run(tenants: ["acme"])
        var expiry: [String: Timestamp] = [:]
        var expired = 0
        for event in try run.events(4000) {
            let incident = event.payload.string("incidentId") ?? ""
            if event.type.name == "approval.requested" {
                let text = try #require(event.payload.string("expiresAt"))
                let instant: Timestamp = try #require(Timestamp(rfc3339: text))
                expiry[incident] = instant
                for name in ["approvalId", "remediationId", "title", "requestedBy"] { #expect(event.payload.string(name) != nil) }
            } else if event.payload.string("status") == "closed" {
                expired += 1
                #expect(event.payload.string("reason") == "The approval expired without a decision")
                #expect(event.time >= expiry[incident] ?? event.time.advanced(by: .seconds(1)))
            }
        }
        #expect(expired > 10)
    }

    /// An incident goes on with what people decided, and says so.
    @Test func goesOnAfterADecision() throws {
        var run = try Run(tenants: ["acme", "globex"])
        var decisions: [ApprovalID: StoryDecision] = [:]
        var incidents: [String: StoryDecision] = [:]
        var ends: [StoryDecision: Set<String>] = [:]
        for _ in 0..<4000 {
            for approval in run.simulation.lookUps(at: run.now) {
                guard let decision = decisions[approval.approvalID] else { continue }
                run.simulation.take(decision, on: approval, at: run.now)
            }
            let event = try run.next().event
            let incident = event.payload.string("incidentId") ?? ""
            if event.type.name == "approval.requested" {
                let approval = try ApprovalID(try #require(event.payload.string("approvalId")))
                let decision: StoryDecision = decisions.count.isMultiple(of: 2) ? .approved : .rejected(by: "olga")
                decisions[approval] = decision
                incidents[incident] = decision
            } else if let decision = incidents[incident], let status = event.payload.string("status") {
                ends[decision, default: []].insert("\(status): \(event.payload.string("reason") ?? "")")
            }
        }
        #expect(decisions.count > 10)
        #expect(ends == [.approved: ["resolved: "], .rejected(by: "olga"): ["closed: The remediation was rejected by olga"]])
    }

    @Test func looksUpOnlyWhatIsWaitedFor() throws {
        var run = try Run(tenants: ["acme"])
        var requested: Set<String> = []
        while requested.isEmpty {
            let event = try run.next().event
            if event.type.name == "notification.created", let approval = event.payload.string("approvalId") { requested.insert(approval) }
        }
        let found = run.simulation.lookUps(at: run.now)
        #expect(Set(found.map(\.approvalID.text)) == requested)
        #expect(run.simulation.lookUps(at: run.now).isEmpty, "one look-up serves for a while")
        #expect(run.simulation.lookUps(at: run.now.advanced(by: Simulation.lookUpInterval)) == found)
        let decision = StoryDecision(try Payload(validating: Array(#"{"action":"reject","decidedBy":"olga"}"#.utf8)))
        #expect(decision == .rejected(by: "olga"))
        run.simulation.take(decision, on: found[0], at: run.now)
        #expect(run.simulation.lookUps(at: run.now.advanced(by: .seconds(10))).isEmpty, "a decision is final")
    }

    @Test func jobsMakeProgress() throws {
        var run = try Run(tenants: ["acme"])
        var progress: [String: Double] = [:]
        var finished: Set<String> = []
        for event in try run.events(4000) where event.type.name == "job.updated" {
            let job = try #require(event.payload.string("job_id"))
            let now = try #require(event.payload.json("progress").flatMap { Double(String(decoding: $0, as: UTF8.self)) })
            #expect(now >= progress[job, default: 0] && now <= 1)
            #expect(!finished.contains(job))
            progress[job] = now
            let isOver = event.payload.kind(of: "finished_at") == .string
            #expect(isOver == ["succeeded", "failed"].contains(event.payload.string("status")))
            #expect((event.payload.kind(of: "result_url") == .string) == (event.payload.string("status") == "succeeded"))
            #expect((event.payload.kind(of: "error") == .string) == (event.payload.string("status") == "failed"))
            if isOver { finished.insert(job) }
        }
        #expect(finished.count > 10)
    }

    @Test func agentsAndWorkflowsRunFromTheirBeginningToTheirEnd() throws {
        var run = try Run()
        var open: [ExecutionReference: ExecutionRun] = [:]
        var ended: Set<ExecutionRun> = []
        for told in try (0..<6000).map({ _ in try run.next() }) {
            guard let (draft, reference) = told.execution else { continue }
            let id = try #require(draft.run)
            #expect(!ended.contains(id), "nothing comes behind a final event")
            #expect(open[reference, default: id] == id, "an agent does one thing at a time")
            open[reference] = draft.isFinal ? nil : id
            if draft.isFinal { ended.insert(id) }
        }
        #expect(ended.count > 20)
        #expect(Set(open.keys.map(\.kind)).isSubset(of: [.agents, .workflows]))
    }

    @Test func staysWithinItsBoundsHoweverFastItIsAsked() throws {
        var run = try Run(interval: .microseconds(1))
        for _ in 0..<200 {
            _ = try run.events(100)
            #expect(run.simulation.openStories <= 2 * Simulation.maximumOpenStories)
        }
    }

    @Test func printsALine() throws {
        let event = try EventDraft(type: EventType("job.updated"), payload: Payload(validating: Array(Self.job.utf8)), user: "ann")
            .resolve(tenant: Tenant("acme"), id: "e", time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_250))
        let line = SimulatedEvent(event: event, summary: "running, 65 %").line
        #expect(line == "14:32:10.250  acme  job.updated  running, 65 %  (to ann only)")
    }

    private static let job = """
        {"job_id":"j","status":"running","progress":0.65,"result_url":null,"error":null,"created_at":"2024-01-15T09:55:00.000Z",\
        "finished_at":null}
        """
}

/// The state of one incident; rejects invalid transitions.
private struct IncidentLife {
    let tenant: Tenant
    private var types: [String] = []
    private var status = ""
    private var progress = 0

    init(tenant: Tenant) {
        self.tenant = tenant
    }

    var hasEnded: Bool { status == "closed" || status == "resolved" }

    mutating func take(_ event: Event) throws {
        let type = event.type.name
        #expect(event.tenant == tenant)
        #expect(!hasEnded, "nothing comes after the end")
        func comes(after earlier: String...) {
            for earlier in earlier { #expect(types.contains(earlier), "\(type) before \(earlier)") }
        }
        switch type {
        case "incident.created":
            #expect(types.isEmpty)
            status = event.payload.string("status") ?? ""
        case "incident.status_changed":
            #expect(event.payload.string("previousStatus") == status)
            status = try #require(event.payload.string("status"))
        case "investigation.progress":
            progress += 1
            #expect(status == "investigating")
            #expect(event.payload.json("step").map { String(decoding: $0, as: UTF8.self) } == String(progress))
        case "investigation.known_solution_found": comes(after: "investigation.progress")
        case "investigation.completed":
            #expect(progress >= 2)
            #expect(event.payload.string("rootCause") != nil)
        case "remediation.proposed": comes(after: "investigation.completed")
        case "approval.requested":
            comes(after: "remediation.proposed")
            #expect(status == "awaiting_approval")
        case "approval.resolved": comes(after: "approval.requested")
        case "remediation.approved", "remediation.rejected": comes(after: "approval.resolved")
        case "remediation.executed":
            comes(after: "remediation.proposed")
            #expect(!types.contains("remediation.rejected"))
            if types.contains("approval.requested") { comes(after: "remediation.approved") }
        default: Issue.record("\(type) is not part of an incident")
        }
        if type != "incident.status_changed" && type != "investigation.progress" {
            #expect(!types.contains(type), "\(type) happens once")
        }
        types.append(type)
    }
}
