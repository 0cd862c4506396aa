import Basics
import EventModel

/// Event simulation as a pure state machine: a seeded generator, the time and people's decisions go in, the next event comes out.
///
/// Every tenant has a few stories that progress in turn. When one ends or waits for people, another begins. The caller determines the rate; the higher
/// it is, the more stories are open, up to ``maximumOpenStories`` per tenant; beyond that, waits are shortened.
struct Simulation: Sendable {
    /// Number of stories of a tenant that progress concurrently.
    static let liveliness = 4
    /// Maximum number of open stories of a tenant, including waiting ones.
    static let maximumOpenStories = 64

    /// Interval between look-ups of the decisions that stories wait for.
    static let lookUpInterval: Duration = .seconds(2)

    /// The CloudEvents `source` of the simulation's events.
    private static let source = EventSource(generated: "/causeway/simulation")

    private let cast: Cast
    private var generator: SplitMix64
    /// One list for each tenant of the cast.
    private var stories: [[Story]]
    /// The time of the next look-up of all decisions; nil for now.
    private var nextLookUp: Timestamp?

    /// - Parameters:
    ///   - cast: at least one tenant and one user.
    ///   - seed: the same seed, cast and moments give the same events.
    init(cast: Cast, seed: UInt64) {
        precondition(!cast.tenants.isEmpty && !cast.users.isEmpty, "A simulation needs a tenant and a user.")
        self.cast = cast
        generator = SplitMix64(seed: seed)
        stories = Array(repeating: [], count: cast.tenants.count)
    }

    /// Number of open stories of all tenants.
    var openStories: Int { stories.reduce(0) { $0 + $1.count } }

    /// Returns the approvals whose decisions are to be looked up before the next event: all that are waited for, once per ``lookUpInterval``, and between
    /// that those whose wait is over.
    mutating func lookUps(at now: Timestamp) -> [AwaitedApproval] {
        let isDue = nextLookUp.map { $0 <= now } ?? true
        if isDue { nextLookUp = now.advanced(by: Self.lookUpInterval) }
        return zip(cast.tenants, stories).flatMap { tenant, stories in
            stories.filter { isDue || $0.continuesAt <= now }.compactMap(\.awaited).map { AwaitedApproval(tenant: tenant, approvalID: $0) }
        }
    }

    /// Continues the story that waits for an approval with what follows its decision.
    mutating func take(_ decision: StoryDecision, on approval: AwaitedApproval, at now: Timestamp) {
        for place in stories.indices where cast.tenants[place] == approval.tenant {
            for index in stories[place].indices where stories[place][index].awaited == approval.approvalID {
                stories[place][index].goOn(after: decision, at: now)
            }
        }
    }

    /// Returns the next event, of any tenant.
    ///
    /// - Throws: if a user of the cast is not a valid user id; nothing else in an event is external.
    mutating func next(at now: Timestamp) throws(ValidationError) -> SimulatedEvent {
        let place = Int.random(in: stories.indices, using: &generator)
        let index = story(in: place, at: now)
        let happening = stories[place][index].advance(at: now)
        let performance = stories[place][index].performance
        if stories[place][index].isOver { stories[place].remove(at: index) }
        let id = EventID(generated: generator.identifier("sim", at: now))
        if let performance { return try event(happening, of: performance, tenant: cast.tenants[place], id: id, at: now) }
        let draft = try EventDraft(
            type: EventType(happening.type),
            payload: Payload(validating: happening.payload.bytes),
            user: happening.user,
            source: Self.source
        )
        return SimulatedEvent(event: try draft.resolve(tenant: cast.tenants[place], id: id, time: now), summary: happening.summary)
    }

    /// Returns the index of the story that progresses now; begins one if necessary.
    private mutating func story(in place: Int, at now: Timestamp) -> Int {
        let open = stories[place]
        let ready = open.indices.filter { open[$0].continuesAt <= now }
        let mayBegin = open.count < Self.maximumOpenStories
        if mayBegin, ready.isEmpty || (ready.count < Self.liveliness && generator.chance(1, in: 3)) {
            stories[place].append(begin(in: place, at: now))
            return stories[place].count - 1
        }
        guard ready.isEmpty else { return generator.pick(ready) }
        // At the limit of open stories, the one that is due first progresses now.
        return open.indices.min { open[$0].continuesAt < open[$1].continuesAt } ?? 0
    }

    private mutating func begin(in place: Int, at now: Timestamp) -> Story {
        let busy = Set(stories[place].compactMap(\.performance?.name))
        let story: Story? =
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4: IncidentStory.write(at: now, in: cast, using: &generator)
            case 4..<6: IssueStory.write(at: now, using: &generator)
            case 6: PatternStory.write(at: now, using: &generator)
            case 7: AgentStory.write(at: now, busy: busy, using: &generator)
            case 8: WorkflowStory.write(at: now, busy: busy, using: &generator)
            default: JobStory.write(at: now, in: cast, using: &generator)
            }
        return story ?? IncidentStory.write(at: now, in: cast, using: &generator)
    }

    private func event(
        _ happening: Happening,
        of performance: Performance,
        tenant: Tenant,
        id: EventID,
        at now: Timestamp
    ) throws(ValidationError) -> SimulatedEvent {
        let draft = try ExecutionDraft(
            kind: performance.kind,
            type: happening.type,
            payload: Payload(validating: happening.payload.bytes),
            run: performance.run,
            id: id,
            time: now
        )
        let event = Event(id: id, tenant: tenant, type: draft.type, time: now, source: Self.source, payload: draft.payload)
        let reference = ExecutionReference(tenant: tenant, kind: performance.kind, name: performance.name)
        return SimulatedEvent(event: event, summary: happening.summary, execution: (draft, reference))
    }
}

/// An event of the simulation, with its line of output.
struct SimulatedEvent: Sendable {
    /// The event, complete.
    var event: Event
    /// A summary on one line.
    var summary: String
    /// The execution that the event is of; nil for events of the tenant.
    var execution: (draft: ExecutionDraft, reference: ExecutionReference)?

    /// The simulator's line of output: time of day, tenant, type, summary, and the recipient if it is for one user.
    var line: String {
        let time = event.time.iso8601.dropFirst(11).dropLast()
        let recipient = event.user.map { "  (to \($0) only)" } ?? ""
        return "\(time)  \(event.tenant)  \(event.type.name)  \(summary)\(recipient)"
    }
}
