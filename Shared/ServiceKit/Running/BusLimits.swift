import Basics
import EventLog
import Logging
import NATSClient
import Synchronization

/// What of nats-server is too small for the process or switched off, said at the start and whenever it has changed with a new connection.
final class BusLimits: Sendable {
    /// Something that an operator should know.
    struct Finding: Sendable, Hashable {
        let message: String
        var metadata: [String: String] = [:]
    }

    private let connection: NATSConnection
    private let log: EventLogConfiguration
    private let logger: Logger
    private let said = Mutex<Set<Finding>>([])

    /// Looks after every connect, as long as the connection lives.
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

    /// What is to be said of a server.
    ///
    /// - Parameters:
    ///   - maximumPayload: its `max_payload`; nil when the connection was lost again.
    ///   - account: what its JetStream says of the account.
    static func findings(
        maximumPayload: Int?,
        _ account: Result<JetStreamAccount, JetStreamError>,
        _ log: EventLogConfiguration
    ) -> [Finding] {
        var findings: [Finding] = []
        if let maximumPayload, maximumPayload < EventLog.largestMessage {
            findings.append(
                Finding(
                    message: "the bus does not take the largest events: raise max_payload of nats-server",
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
                            "the account at nats-server may store less than LOG_MAX_BYTES: raise its limit, or events are refused when it is reached",
                        metadata: [LogKey.maximumStorage: "\(limit)", LogKey.maximumBytes: "\(wanted)"]
                    )
                )
            }
        case .failure(let error) where error.code == .noResponders || error.code == .notEnabled:
            findings.append(Finding(message: "JetStream does not answer", metadata: [LogKey.error: error.message]))
        case .failure:
            // The connection was lost again, or it takes its time; the log itself says so.
            break
        }
        return findings
    }
}
