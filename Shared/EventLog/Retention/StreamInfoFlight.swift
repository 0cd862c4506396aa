import Basics
import NATSClient
import Synchronization

/// Single-flight for `STREAM.INFO` (``SingleFlight``), limited to one request per ``pace``, so that any number of clients causes at most some hundred
/// requests a second.
final class StreamInfoFlight: Sendable {
    /// When the last request was sent.
    private final class LastRequest: Sendable {
        let time = Mutex<ContinuousClock.Instant?>(nil)
    }

    private let flight: SingleFlight<StreamInfo>

    private static let pace: Duration = .milliseconds(2)

    init(_ stream: String, of jetStream: JetStream) {
        let last = LastRequest()
        flight = SingleFlight {
            if let sent = last.time.withLock({ $0 }) { try await Task.sleep(until: sent.advanced(by: Self.pace), clock: .continuous) }
            last.time.withLock { $0 = .now }
            do throws(JetStreamError) {
                return try await jetStream.streamInfo(stream)
            } catch {
                throw EventLogError(error)
            }
        }
    }

    /// Returns the stream's state as of this call or later.
    func info() async throws(EventLogError) -> StreamInfo {
        do {
            return try await flight.value()
        } catch let error as EventLogError {
            throw error
        } catch {
            throw .cancelled
        }
    }
}
