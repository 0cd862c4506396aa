import Basics
import HTTPAPI
import Hummingbird
import NIOCore

extension Request {
    /// Reads the whole body within a time limit, so that a slow sender cannot hold its memory reservation.
    ///
    /// - Throws: `validation_error` after the time limit; errors of ``readBody(upTo:)``.
    func readBody(upTo maximumBytes: Int, within limit: Duration) async throws -> ByteBuffer {
        do {
            return try await withDeadline(limit) { try await readBody(upTo: maximumBytes) }
        } catch WaitError.deadlineExceeded {
            throw APIError.validation("The body did not arrive within \(limit): send it faster, or in smaller requests.")
        }
    }
}
