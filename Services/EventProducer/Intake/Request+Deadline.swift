import Basics
import HTTPAPI
import Hummingbird
import NIOCore

extension Request {
    /// The whole body, if it arrives in time: a client that sends a byte a minute must not hold what is reserved for it.
    ///
    /// - Throws: `validation_error` when the time is over, and what ``readBody(upTo:)`` throws.
    func readBody(upTo maximumBytes: Int, within limit: Duration) async throws -> ByteBuffer {
        do {
            return try await withDeadline(limit) { try await readBody(upTo: maximumBytes) }
        } catch WaitError.deadlineExceeded {
            throw APIError.validation("The body did not arrive within \(limit): send it faster, or in smaller requests.")
        }
    }
}
