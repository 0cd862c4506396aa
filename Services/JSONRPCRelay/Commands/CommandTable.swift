import Basics
import Logging
import NATSClient
import Synchronization

/// The pending commands of all connections of the process. Each is removed exactly once, by the caller that notifies its connection.
final class CommandTable: Sendable {
    /// The connection and token of a command.
    struct Key: Hashable, Sendable {
        let session: UInt64
        let token: CommandToken

        /// The last two tokens of the reply subject.
        var subjectTail: String { "\(String(session, radix: 36)).\(String(token.number, radix: 36))" }

        init(session: UInt64, token: CommandToken) {
            self.session = session
            self.token = token
        }

        /// Parses ``subjectTail``.
        init?(subjectTail: Substring) {
            let words = subjectTail.split(separator: ".", omittingEmptySubsequences: false)
            guard words.count == 2, let session = UInt64(words[0], radix: 36), let token = UInt64(words[1], radix: 36) else { return nil }
            self.init(session: session, token: CommandToken(number: token))
        }
    }

    /// A pending command.
    struct Entry: Sendable {
        let requestID: String
        let method: String
        /// The tenant whose share of the pending commands it uses.
        let tenant: Tenant
        let observer: CommandObserver
        fileprivate var progressCount = 0

        init(requestID: String, method: String, tenant: Tenant, observer: @escaping CommandObserver) {
            self.requestID = requestID
            self.method = method
            self.tenant = tenant
            self.observer = observer
        }
    }

    private let configuration: CommandConfiguration
    private let complaints: Complaints
    private let shares: CommandShares
    private let entries = Mutex<[Key: Entry]>([:])

    init(configuration: CommandConfiguration, shares: CommandShares, logger: Logger) {
        self.configuration = configuration
        self.shares = shares
        complaints = Complaints(logger: logger)
    }

    /// The number of pending commands.
    var count: Int { entries.withLock { $0.count } }

    func insert(_ entry: Entry, for key: Key) {
        entries.withLock { $0[key] = entry }
    }

    func contains(_ key: Key) -> Bool { entries.withLock { $0[key] != nil } }

    /// Removes a command; nil if it was already removed.
    func remove(_ key: Key) -> Entry? {
        let entry = entries.withLock { $0.removeValue(forKey: key) }
        if let entry { shares.ended(entry.tenant) }
        return entry
    }

    /// Removes all commands.
    func removeAll() -> [Key: Entry] {
        let all = entries.withLock { entries in
            defer { entries = [:] }
            return entries
        }
        for entry in all.values { shares.ended(entry.tenant) }
        return all
    }

    /// Completes a command, if it is pending, and notifies its connection.
    func complete(_ key: Key, _ outcome: CommandOutcome) {
        guard let entry = remove(key) else { return }
        entry.observer(key.token, .completed(outcome))
    }

    /// Handles a message for a command. On a delivery thread of nats.c, one call at a time.
    func received(_ delivery: borrowing NATSDelivery, for key: Key) {
        if let status = delivery.status {
            // "No responders" from the server: the method's subject has no subscriber.
            if status == 503 { complete(key, .failure(.methodNotFound)) }
            return
        }
        let status = delivery.header(CommandHeader.status)
        guard delivery.payloadCount <= limit(for: status) else { return receivedTooMuch(for: key, status: status) }
        switch CommandAnswer(status: status, payload: delivery.withPayload { [UInt8]($0) }) {
        case .progress(let progress): passOn(progress, for: key)
        case .final(let outcome): complete(key, outcome)
        case .unusable(let reason): complain(reason, about: key)
        }
    }

    private func limit(for status: String?) -> Int {
        status == "progress" ? configuration.maximumProgressBytes : configuration.maximumAnswerBytes
    }

    private func receivedTooMuch(for key: Key, status: String?) {
        let reason = "A service answered with more than \(limit(for: status)) bytes."
        complain(reason, about: key)
        if status != "progress" { complete(key, .failure(.invalidAnswer(reason))) }
    }

    private func passOn(_ progress: [UInt8], for key: Key) {
        let maximum = configuration.maximumProgressCount
        let entry = entries.withLock { entries in
            entries[key]?.progressCount += 1
            return entries[key]
        }
        guard let entry else { return }
        guard entry.progressCount <= maximum else {
            return complain("A service sent more than \(maximum) progress messages; further ones are dropped.", about: key)
        }
        entry.observer(key.token, .progress(progress))
    }

    private func complain(_ reason: String, about key: Key) {
        guard let entry = entries.withLock({ $0[key] }) else { return }
        complaints.log(reason, method: entry.method, requestID: entry.requestID)
    }
}

/// Logs invalid answers of services, rate-limited to one in ten seconds, since a faulty service repeats them.
private final class Complaints: Sendable {
    private static let interval = Duration.seconds(10)

    private let logger: Logger
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(logger: Logger) {
        self.logger = logger
    }

    func log(_ reason: String, method: String, requestID: String) {
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            if let last, last.duration(to: now) < Self.interval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        logger.warning(
            "A service's answer cannot be used",
            metadata: [LogKey.reason: "\(reason)", LogKey.rpcMethod: "\(method)", LogKey.rpcRequest: "\(requestID)"]
        )
    }
}
