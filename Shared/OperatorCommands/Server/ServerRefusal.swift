import ArgumentParser
import EventModel

/// An answer that is not successful (contract §1): what to print, and how the command exits.
struct ServerRefusal: Error, Sendable, Hashable {
    /// The server's message, the error code, and the request id where the server failed.
    let sentence: String
    let code: Int32

    init(sentence: String, code: Int32) {
        (self.sentence, self.code) = (sentence, code)
    }

    init(_ answer: CausewayServer.Answer, of target: Target) {
        code = Self.exitCode(status: answer.status).rawValue
        let words = ServerWords(String(decoding: answer.body, as: UTF8.self))
        guard let error = words?.error, let message = words?.message else {
            sentence = "\(target) answered \(answer.status), and not in Causeway's form: check --url"
            return
        }
        let request = answer.status >= 500 ? answer.requestID.map { ", request id \($0)" } ?? "" : ""
        sentence = TerminalText.safe("\(message) (\(error)\(request))")
    }

    /// The exit code for a status; `causeway approvals --help` lists them.
    static func exitCode(status: Int) -> ArgumentParser.ExitCode {
        switch status {
        case 401, 403: Exit.noPermission
        case 409: Exit.refused
        case 429, 500...: Exit.unavailable
        default: Exit.invalidEvent
        }
    }

    /// Prints the message and returns the error to throw.
    func exit() -> ArgumentParser.ExitCode {
        Exit.because(sentence, ArgumentParser.ExitCode(code))
    }
}
