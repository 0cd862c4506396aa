import Basics
import EventModel

/// One message of a service about a command (docs/commands.md).
enum CommandAnswer: Hashable, Sendable {
    /// The command goes on; the JSON text of an object.
    case progress([UInt8])
    /// The command has ended.
    case final(CommandOutcome)
    /// It says nothing that could be passed on, and the command goes on. Why, as a sentence.
    case unusable(String)

    /// Reads a message. What is meant to be final and is malformed ends the command with -32004, so that the client stops waiting.
    ///
    /// - Parameters:
    ///   - status: the value of ``CommandHeader/status``; nil if there is none, which means a result.
    ///   - payload: the body.
    init(status: String?, payload: [UInt8]) {
        switch status {
        case "progress": self = Self.progress(reading: payload)
        case nil, "result": self = .final(Self.isJSON(payload) ? .result(payload) : .failure(.invalidAnswer(Self.notJSON)))
        case "error": self = .final(.failure(RPCError(service: payload) ?? .invalidAnswer(Self.notAnError)))
        case .some: self = .final(.failure(.invalidAnswer("The header causeway-status must be progress, result or error.")))
        }
    }

    private static let notJSON = "The result is not one valid JSON value of at most 64 levels in which no member stands twice."
    private static let notAnError = "The error is not a JSON object with an integer code and a string message."

    private static func progress(reading payload: [UInt8]) -> CommandAnswer {
        guard let members = JSONMembers(["requestId"], of: payload) else { return .unusable("A progress message must be a JSON object.") }
        guard !members.hasRepetition else { return .unusable("A progress message must not have a member twice.") }
        guard members["requestId"] == nil else {
            return .unusable("A progress message must not have a member requestId; the relay adds it.")
        }
        return .progress(payload)
    }

    /// Whether the text is one JSON value and nothing else, no deeper than the relay reads, and without a member that stands twice.
    private static func isJSON(_ text: [UInt8]) -> Bool {
        do throws(JSONSyntaxError) {
            try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) in
                scanner.skipWhitespace()
                try scanner.scanValue(depth: 0)
                try scanner.finish()
            }
            return true
        } catch {
            return false
        }
    }
}

extension RPCError {
    /// Reads the error object of a service: an integer `code`, a string `message`, perhaps `data` (JSON-RPC 2.0 §5.1); nil if malformed.
    /// Other members are left out.
    fileprivate init?(service payload: [UInt8]) {
        guard let members = JSONMembers(["code", "message", "data"], of: payload), !members.hasRepetition,
            let code = members["code"].flatMap({ Int(String(decoding: $0, as: UTF8.self)) }), let message = members.string("message")
        else { return nil }
        self.init(code: code, message: message, data: members["data"].map { Array($0) })
    }
}
