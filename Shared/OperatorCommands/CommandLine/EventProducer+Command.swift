import Basics
package import CausewayProducer
import Logging
import NATSClient
package import ServiceKit

extension [AnyConfigurationKey] {
    /// The keys of a command that publishes from a terminal. By default it logs errors only.
    package static let publishing = nats + eventLog + [.logLevel.defaulting(to: "error"), .logFormat.defaulting(to: "text")]
}

extension EventProducer {
    /// Connects with the settings, waits until the log is open, runs `body`, and disconnects.
    ///
    /// - Parameter command: the subcommand; part of the connection's name in the server's monitoring.
    /// - Throws: the exit code of the command, after printing an error message to standard error.
    package static func whileConnected(
        _ settings: Settings,
        command: String,
        timeout: Duration,
        _ body: (EventProducer) async throws -> Void
    ) async throws {
        do {
            let name = "\(ProgramName.current)-\(command)"
            let nats = try settings.natsConfiguration(name: name)
            let configuration = ProducerConfiguration(nats: nats, log: settings.eventLogConfiguration(), timeout: timeout)
            let producer = try await EventProducer.connect(configuration, logger: Logger(label: name))
            let result: Result<Void, any Error>
            do {
                if producer.connection.state != .connected {
                    Console.complain("NATS is not reachable; waiting up to \(DurationText.show(timeout))")
                }
                try await producer.ready()
                result = .success(try await body(producer))
            } catch {
                result = .failure(error)
            }
            await producer.close()
            try result.get()
        } catch let error as ConfigurationError {
            throw Exit.because(error)
        } catch let error as ProducerError {
            throw Exit.because(error)
        } catch let error as Basics.ValidationError {
            throw Exit.because(error)
        }
    }
}
