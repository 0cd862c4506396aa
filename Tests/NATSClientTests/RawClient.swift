import Foundation
import TestKit

/// A client of the bare protocol, for what a well-behaved client does not send.
struct RawClient {
    private let port: Int

    init(port: Int) {
        self.port = port
    }

    /// Publishes a message with these header lines, and returns when the server has it.
    func publish(_ subject: String, reply: String? = nil, headers: String, payload: String) throws {
        let block = "NATS/1.0\r\n\(headers)\r\n"
        let arguments = "\(subject) \(reply ?? "") \(block.utf8.count) \(block.utf8.count + payload.utf8.count)"
        let connect = #"CONNECT {"verbose":false,"headers":true}"#
        let answer = try LoopbackPort.exchange(port, "\(connect)\r\nHPUB \(arguments)\r\n\(block)\(payload)\r\nPING\r\n", until: "PONG")
        guard answer.contains("PONG") else { throw TestKitError("The server did not take the message: \(answer)") }
    }
}
