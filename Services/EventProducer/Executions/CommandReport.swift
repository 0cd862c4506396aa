import Basics
import EventModel

/// What a running command prints, as events of an agent's execution.
///
/// A line that is a JSON object with a valid `progress` is the event's payload as it is; any other line becomes its message, with the progress that
/// was last told.
struct CommandReport: Sendable {
    /// Which of a command's streams a line came from; becomes the event's `step`.
    enum Stream: String, Sendable {
        case output
        case errors
    }

    /// The longest line that is passed on, in bytes; the rest of a longer one is left out.
    static let maximumLineBytes = 64 * 1024

    private let run: ExecutionRun
    private var progress = 0.0

    /// - Parameter run: the execution that the events belong to.
    init(run: ExecutionRun) {
        self.run = run
    }

    /// The event of a line.
    mutating func event(_ line: [UInt8], from stream: Stream) throws(ValidationError) -> ExecutionDraft {
        if let told = told(line) { return told }
        let payload: JSONObject = [
            "step": .string(stream.rawValue), "message": .string(String(decoding: line, as: UTF8.self)), "progress": .number(progress),
        ]
        return try draft("progress", payload)
    }

    /// The final event.
    ///
    /// - Parameters:
    ///   - outcome: how the command has ended.
    ///   - milliseconds: for how long it ran.
    func end(_ outcome: WrappedCommand.Outcome, milliseconds: Int) throws(ValidationError) -> ExecutionDraft {
        var payload: JSONObject =
            switch outcome {
            case .exit(0): ["result": "exit status 0"]
            case .exit(let status): ["error": .string("exit status \(status)")]
            case .signal(let signal): ["error": .string("ended by signal \(signal)")]
            }
        payload.append("exitStatus", .integer(Int(outcome.status)))
        payload.append("duration", .integer(milliseconds))
        return try draft(outcome == .exit(0) ? "complete" : "failed", payload)
    }

    /// Parses a line that is an event.
    private mutating func told(_ line: [UInt8]) -> ExecutionDraft? {
        guard line.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{"),
            let payload = try? Payload(validating: line, allowsStreamMembers: true),
            let draft = try? ExecutionDraft(kind: .agents, type: "progress", payload: payload, run: run),
            let number = payload.json("progress").flatMap({ Double(String(decoding: $0, as: UTF8.self)) })
        else { return nil }
        progress = number
        return draft
    }

    private func draft(_ type: String, _ payload: JSONObject) throws(ValidationError) -> ExecutionDraft {
        try ExecutionDraft(kind: .agents, type: type, payload: Payload(validating: payload.bytes), run: run)
    }
}
