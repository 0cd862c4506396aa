import Basics
import EventModel

/// Converts a running command's output to events of an agent's execution.
///
/// A line that is a JSON object with a valid `progress` becomes the event's payload unchanged. Any other line becomes its message, with the
/// last reported progress.
struct CommandReport: Sendable {
    /// The stream of a line; becomes the event's `step`.
    enum Stream: String, Sendable {
        case output
        case errors
    }

    /// Maximum length of a line in bytes; longer ones are truncated.
    static let maximumLineBytes = 64 * 1024

    private let run: ExecutionRun
    private var progress = 0.0

    /// - Parameter run: the execution of the events.
    init(run: ExecutionRun) {
        self.run = run
    }

    /// Returns the event for a line.
    mutating func event(_ line: [UInt8], from stream: Stream) throws(ValidationError) -> ExecutionDraft {
        if let told = told(line) { return told }
        let payload: JSONObject = [
            "step": .string(stream.rawValue), "message": .string(String(decoding: line, as: UTF8.self)), "progress": .number(progress),
        ]
        return try draft("progress", payload)
    }

    /// Returns the final event.
    ///
    /// - Parameters:
    ///   - outcome: the command's outcome.
    ///   - milliseconds: its run time.
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

    /// Parses a line that is an event's payload; nil otherwise.
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
