import Basics
import Logging
import NATSClient

/// The log's stream: created when absent, verified when present, never changed.
struct LogStream: Sendable {
    let jetStream: JetStream
    let configuration: EventLogConfiguration
    let logger: Logger

    /// Returns the verified stream at process start; logs a warning for every limit that differs from the configuration.
    func opened() async throws(EventLogError) -> StreamInfo {
        try await checkServer()
        let info = try await checked()
        for difference in StreamRequirements.differences(of: info, from: configuration) {
            logger.warning(
                """
                the log's stream differs from the configuration and stays as it is; `causeway log resize` changes max_age and max_bytes, \
                `nats stream edit` the rest
                """,
                metadata: [LogKey.stream: "\(configuration.streamName)", LogKey.streamDifference: "\(difference)"]
            )
        }
        return info
    }

    /// Returns the verified stream; creates it if absent.
    func checked() async throws(EventLogError) -> StreamInfo {
        let info = try await existing()
        if let fault = StreamRequirements.fault(of: info, configuration) {
            throw EventLogError(code: .incompatibleStream, message: fault)
        }
        return info
    }

    private func existing() async throws(EventLogError) -> StreamInfo {
        do throws(JetStreamError) {
            return try await jetStream.streamInfo(configuration.streamName)
        } catch {
            guard error.code == .streamNotFound else { throw EventLogError(error) }
        }
        do throws(JetStreamError) {
            let info = try await jetStream.createStream(StreamRequirements.stream(configuration))
            logger.notice("created the log's stream", metadata: [LogKey.stream: "\(configuration.streamName)"])
            return info
        } catch {
            // Another process created it concurrently, with other limits.
            if error.code == .streamNameInUse { throw .unavailable("The log's stream is being created by another process. Try again.") }
            // A server that has just started may not have known it at the look-up: the subjects are its own.
            if error.code == .subjectsOverlap, let info = try? await jetStream.streamInfo(configuration.streamName) { return info }
            throw Self.refusal(error, configuration)
        }
    }

    /// Maps the server's refusal to create the stream to an error.
    private static func refusal(_ error: JetStreamError, _ configuration: EventLogConfiguration) -> EventLogError {
        let name = configuration.streamName
        switch error.code {
        case .api(10047), .insufficientResources:
            return EventLogError(
                code: .rejected,
                message: """
                    The stream \(name) needs more \(configuration.storage.rawValue) storage than the server offers (\(error.message)) \
                    Lower EVENT_LOG_MAX_BYTES, or raise the server's jetstream limits.
                    """
            )
        case .subjectsOverlap:
            return EventLogError(
                code: .incompatibleStream,
                message: """
                    Another stream already takes subjects of \(EventMessage.subjects.joined(separator: " or ")), so \(name) cannot be \
                    created. Find it with `nats stream ls --subjects` and take those subjects from it.
                    """
            )
        default:
            let mapped = EventLogError(error)
            if mapped.isRetriable { return mapped }
            return EventLogError(code: mapped.code, message: "The stream \(name) cannot be created. \(mapped.message)")
        }
    }

    /// Checks the server's version: more than one replica needs a compare-and-set with one winner (nats-server 2.10).
    private func checkServer() async throws(EventLogError) {
        guard configuration.replicas > 1 else { return }
        let version = try await ServerVersion.ofServer(behind: jetStream.connection, timeout: configuration.requestTimeout)
        guard let version, version >= ServerVersion(major: 2, minor: 10) else {
            throw EventLogError(
                code: .unsupportedServer,
                message: """
                    EVENT_LOG_REPLICAS is \(configuration.replicas), which takes nats-server 2.10 or newer, but the server \
                    \(version.map { "is \($0)" } ?? "does not tell its version, so it is older or forbids $SYS.REQ.USER.INFO"). \
                    Update nats-server, or set EVENT_LOG_REPLICAS to 1.
                    """
            )
        }
    }
}
