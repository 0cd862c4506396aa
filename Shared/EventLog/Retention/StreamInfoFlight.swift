import Basics
import NATSClient
import Synchronization

/// Asks `STREAM.INFO` for all who want to know at the same time (``SingleFlight``), and at most every ``pace``, so that no number of clients makes
/// more than some hundred requests a second.
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

    /// The stream as it is at this call or later.
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
