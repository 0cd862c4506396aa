import ArgumentParser
import Basics
import EventLog
import Logging
import NATSClient
import ServiceKit

/// Connects commands of `causeway log` to the bus without opening the log, which would create it.
enum LogAccess {
    /// Connects, reads something, passes it to `then`, and disconnects. Repeats the read while the bus is away, for `timeout`.
    ///
    /// - Throws: the exit code of the command, after printing an error message.
    static func whileConnected<Value: Sendable>(
        _ settings: Settings,
        timeout: Duration,
        _ read: @escaping @Sendable (NATSConnection) async throws(EventLogError) -> Value,
        then: (Value) async throws -> Void
    ) async throws {
        settings.bootstrapLogging()
        do {
            let connection = try await NATSConnection.connect(
                settings.natsConfiguration(name: "\(ProgramName.current)-log"),
                logger: Logger(label: ProgramName.current)
            )
            let result: Result<Void, any Error>
            do {
                result = .success(try await then(patiently(connection, timeout: timeout, read)))
            } catch {
                result = .failure(error)
            }
            await connection.close()
            try result.get()
        } catch let error as ConfigurationError {
            throw Exit.because(error)
        } catch let error as NATSError {
            throw Exit.because(error.message, Exit.unavailable)
        } catch let error as EventLogError {
            throw Exit.because(error.message, Exit.unavailable)
        }
    }

    private static func patiently<Value: Sendable>(
        _ connection: NATSConnection,
        timeout: Duration,
        _ read: @escaping @Sendable (NATSConnection) async throws(EventLogError) -> Value
    ) async throws -> Value {
        do {
            return try await withDeadline(timeout) { () async throws -> Value in
                while true {
                    do {
                        return try await read(connection)
                    } catch let error as EventLogError where error.isRetriable && connection.state != .connected {
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }
            }
        } catch WaitError.deadlineExceeded {
            throw Exit.because(
                connection.lastError?.message ?? "NATS did not answer within \(DurationText.show(timeout))",
                Exit.unavailable
            )
        }
    }
}
