import Basics
import EventModel

/// A message of a service about a command (docs/commands.md).
enum CommandAnswer: Hashable, Sendable {
    /// Progress; the JSON text of an object. The command is still pending.
    case progress([UInt8])
    /// The command has ended.
    case final(CommandOutcome)
    /// An unusable message, with an error message. The command is still pending.
    case unusable(String)

    /// Parses a message. A malformed final message ends the command with -32004, so that the client stops waiting.
    ///
    /// - Parameters:
    ///   - status: the value of ``CommandHeader/status``; absent (nil) means a result.
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
        guard let members = try? JSONMembers(payload) else {
            return .unusable("A progress message must be one valid JSON object of at most 64 levels in which no member stands twice.")
        }
        guard !members.contains("requestId") else {
            return .unusable("A progress message must not have a member requestId; the relay adds it.")
        }
        return .progress(payload)
    }

    /// Whether the text is exactly one JSON value, within the relay's depth limit and without duplicate members.
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
    /// Parses a service's error object: an integer `code`, a string `message`, optionally `data` (JSON-RPC 2.0 §5.1); nil if malformed.
    /// Other members are dropped.
    fileprivate init?(service payload: [UInt8]) {
        guard let members = try? JSONMembers(payload),
            let code = members["code"].flatMap({ Int(String(decoding: $0, as: UTF8.self)) }), let message = members.text("message")
        else { return nil }
        self.init(code: code, message: message, data: members["data"].map { Array($0) })
    }
}
