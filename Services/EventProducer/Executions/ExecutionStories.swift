import Basics
import EventModel

/// The execution of a story: an agent or a workflow, and the execution's id (contract §9).
struct Performance: Sendable, Hashable {
    var kind: ExecutionReference.Kind
    var name: ExecutionName
    var run: ExecutionRun
}

/// Generates an agent's execution, from its first step to its result; one in eight fails.
enum AgentStory {
    private struct Work {
        var agent: String
        var steps: [(name: String, message: String)]
        var result: String
    }

    private static let works = [
        Work(
            agent: "code-reviewer",
            steps: [
                ("cloning", "Fetching the branch"), ("reading", "Reading 41 changed files"), ("analyzing", "Following 12 call paths"),
                ("checking", "Running the tests that they touch"), ("writing", "Writing the review"),
            ],
            result: "Three remarks, none of them blocking"
        ),
        Work(
            agent: "log-analyst",
            steps: [
                ("collecting", "Collecting the logs of the last hour"), ("grouping", "Grouping 1.2 million lines"),
                ("comparing", "Comparing with last week"), ("explaining", "Explaining what is new"),
            ],
            result: "One message is new and comes 40 times a minute"
        ),
        Work(
            agent: "capacity planner",
            steps: [
                ("measuring", "Measuring the last 30 days"), ("fitting", "Fitting the growth of each service"),
                ("planning", "Planning the next quarter"),
            ],
            result: "Two services need more memory by June"
        ),
    ]

    /// Generates the story of an idle agent; nil when all are running.
    static func write(at now: Timestamp, busy: Set<ExecutionName>, using generator: inout some RandomNumberGenerator) -> Story? {
        let free = works.filter { !busy.contains(ExecutionName(generated: $0.agent)) }
        guard !free.isEmpty else { return nil }
        let work = generator.pick(free)
        let isFailing = generator.chance(1, in: 8)
        let reached = isFailing ? Int.random(in: 1..<work.steps.count, using: &generator) : work.steps.count
        var steps: [Story.Step] = []
        for (index, step) in work.steps.prefix(reached).enumerated() {
            let percent = 100 * (index + 1) / (work.steps.count + 1)
            steps.append(
                Story.Step(after: steps.isEmpty ? .zero : generator.seconds(1...3)) { _ in
                    Happening(
                        type: "progress",
                        summary: "\(work.agent): \(step.message), \(percent) %",
                        payload: ["step": .string(step.name), "message": .string(step.message), "progress": .number(Double(percent) / 100)]
                    )
                }
            )
        }
        steps.append(
            Story.Step(after: generator.seconds(1...3)) { end in
                let duration = JSONObject.Value.integer(Int(end.millisecondsSinceEpoch - now.millisecondsSinceEpoch))
                return isFailing
                    ? Happening(
                        type: "failed",
                        summary: "\(work.agent): failed",
                        payload: ["error": .string("No answer while \(work.steps[reached].name)"), "duration": duration]
                    )
                    : Happening(
                        type: "complete",
                        summary: "\(work.agent): \(work.result)",
                        payload: ["result": .string(work.result), "duration": duration]
                    )
            }
        )
        let run = ExecutionRun(generated: generator.identifier("run", at: now))
        return Story(steps, at: now, of: Performance(kind: .agents, name: ExecutionName(generated: work.agent), run: run))
    }
}

/// Generates a workflow's execution; an agent does each step.
enum WorkflowStory {
    private struct Flow {
        var id: String
        var steps: [(name: String, agent: String, result: String)]
    }

    private static let flows = [
        Flow(
            id: "release/checkout",
            steps: [
                ("Code Review", "reviewer-agent", "3 issues found"), ("Fix Issues", "coder-agent", "3 issues fixed"),
                ("Roll Out", "deployer-agent", "20 instances replaced"),
            ]
        ),
        Flow(
            id: "nightly-report",
            steps: [("Collect", "collector-agent", "18 sources read"), ("Summarize", "writer-agent", "4 pages written")]
        ),
    ]

    /// Generates the story of an idle workflow; nil when all are running.
    static func write(at now: Timestamp, busy: Set<ExecutionName>, using generator: inout some RandomNumberGenerator) -> Story? {
        let free = flows.filter { !busy.contains(ExecutionName(generated: $0.id)) }
        guard !free.isEmpty else { return nil }
        let flow = generator.pick(free)
        var steps: [Story.Step] = []
        for (index, step) in flow.steps.enumerated() {
            let id = "step-\(index + 1)"
            var milliseconds = 0
            func add(after seconds: Int, _ happening: @escaping @Sendable () -> Happening) {
                milliseconds += seconds * 1000
                steps.append(Story.Step(after: .seconds(seconds)) { _ in happening() })
            }
            add(after: index == 0 ? 0 : 1) {
                Happening(
                    type: "step_start",
                    summary: "\(flow.id): \(step.name) begins",
                    payload: ["stepId": .string(id), "name": .string(step.name), "agent": .string(step.agent)]
                )
            }
            for percent in [25, 75].prefix(Int.random(in: 1...2, using: &generator)) {
                add(after: Int.random(in: 1...2, using: &generator)) {
                    Happening(
                        type: "step_progress",
                        summary: "\(flow.id): \(step.name), \(percent) %",
                        payload: [
                            "stepId": .string(id), "progress": .number(Double(percent) / 100), "message": .string("\(step.name) goes on"),
                        ]
                    )
                }
            }
            add(after: 1) { [milliseconds] in
                Happening(
                    type: "step_complete",
                    summary: "\(flow.id): \(step.result)",
                    payload: ["stepId": .string(id), "result": .string(step.result), "duration": .integer(milliseconds + 1000)]
                )
            }
        }
        steps.append(
            Story.Step { end in
                let duration = Int(end.millisecondsSinceEpoch - now.millisecondsSinceEpoch)
                return Happening(
                    type: "workflow_complete",
                    summary: "\(flow.id): done",
                    payload: ["result": .string("\(flow.steps.count) steps done"), "duration": .integer(duration)]
                )
            }
        )
        let run = ExecutionRun(generated: generator.identifier("run", at: now))
        return Story(steps, at: now, of: Performance(kind: .workflows, name: ExecutionName(generated: flow.id), run: run))
    }
}
