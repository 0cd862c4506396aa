import Basics
import EventLog
import Logging
import NATSClient
import Synchronization

/// Warns about limits of nats-server that are too small for the process, and about disabled JetStream. Checks after every connect and logs new findings.
final class BusLimits: Sendable {
    /// A warning for operators.
    struct Finding: Sendable, Hashable {
        let message: String
        var metadata: [String: String] = [:]
    }

    private let connection: NATSConnection
    private let log: EventLogConfiguration
    private let logger: Logger
    private let said = Mutex<Set<Finding>>([])

    /// Checks after every connect, for the connection's lifetime.
    static func observe(_ connection: NATSConnection, for log: EventLogConfiguration, logger: Logger) {
        let limits = BusLimits(connection, log, logger)
        connection.onStateChange { state in
            guard state == .connected else { return }
            Task { await limits.look() }
        }
    }

    private init(_ connection: NATSConnection, _ log: EventLogConfiguration, _ logger: Logger) {
        self.connection = connection
        self.log = log
        self.logger = logger
    }

    private func look() async {
        let storage: Result<JetStreamAccount, JetStreamError>
        do throws(JetStreamError) {
            storage = .success(try await JetStream(connection, timeout: log.requestTimeout).account())
        } catch {
            storage = .failure(error)
        }
        let findings = Self.findings(maximumPayload: connection.maximumPayload, storage, log)
        let news = said.withLock { said in
            defer { said = Set(findings) }
            return findings.filter { !said.contains($0) }
        }
        for finding in news {
            logger.warning("\(finding.message)", metadata: finding.metadata.mapValues { "\($0)" })
        }
    }

    /// Returns the findings about a server.
    ///
    /// - Parameters:
    ///   - maximumPayload: its `max_payload`; nil when the connection was lost again.
    ///   - account: its JetStream account, or why that is unknown.
    static func findings(
        maximumPayload: Int?,
        _ account: Result<JetStreamAccount, JetStreamError>,
        _ log: EventLogConfiguration
    ) -> [Finding] {
        var findings: [Finding] = []
        if let maximumPayload, maximumPayload < EventLog.largestMessage {
            findings.append(
                Finding(
                    message: "nats-server does not accept the largest events: raise max_payload",
                    metadata: [LogKey.maximumPayload: "\(maximumPayload)", LogKey.needed: "\(EventLog.largestMessage)"]
                )
            )
        }
        switch account {
        case .success(let account):
            let limit = log.storage == .file ? account.limits.maxStorage : account.limits.maxMemory
            if let wanted = log.maxBytes, limit > 0, limit < wanted {
                findings.append(
                    Finding(
                        message:
                            "the nats-server account may store less than EVENT_LOG_MAX_BYTES: raise its limit, or events are rejected when it is reached",
                        metadata: [LogKey.maximumStorage: "\(limit)", LogKey.maximumBytes: "\(wanted)"]
                    )
                )
            }
        case .failure(let error) where error.code == .noResponders || error.code == .notEnabled:
            findings.append(Finding(message: "JetStream does not answer", metadata: [LogKey.error: error.message]))
        case .failure:
            // The connection was lost again, or the server is slow; opening the log reports both.
            break
        }
        return findings
    }
}
