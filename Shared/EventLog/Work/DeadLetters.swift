public import Basics
import EventModel
public import Logging
import NATSClient
import Synchronization

/// The dead-letter stream `DEADLETTERS`, beside the log, for work that failed permanently; operators list, retry and drop its letters
/// (`causeway dead-letters`).
///
/// - `deadletters.<tenant>.<work>` has the letters: at most ``perSubject`` per tenant and kind of work, so that no tenant evicts another's.
/// - `retries.<tenant>.<work>` has those that an operator wants retried, for ``RetriedWork``.
///
/// Any thread.
public final class DeadLetters: Sendable {
    /// A letter with its number, by which it is retried or dropped.
    public struct Stored: Sendable {
        /// Its sequence in the stream.
        public let id: UInt64
        /// The letter.
        public let letter: DeadLetter
    }

    /// The stream's name.
    public static let streamName = "DEADLETTERS"
    /// Maximum number of letters per tenant and kind of work; then the oldest are dropped.
    public static let perSubject: Int64 = 1000
    /// Maximum age of a letter.
    public static let maxAge: Duration = .seconds(30 * 86_400)
    /// Maximum number of letters in total. A letter has about 500 bytes, at most 4 KiB.
    private static let maxMessages: Int64 = 200_000
    private static let timeout: Duration = .seconds(2)
    private static let prefix = "deadletters"
    private static let retryPrefix = "retries"
    /// The tenant token of letters without a tenant; not a valid tenant.
    private static let nobody = "="

    let log: EventLog
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let counts = Mutex<[String: UInt64]>([:])
    private let unique = UniqueLetters()

    /// Creates access to the letters about a log's entries.
    public init(of log: EventLog, logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now }) {
        self.log = log
        self.logger = logger
        self.now = now
    }

    /// Number of letters that this process has written, by kind of work.
    public var totals: [String: UInt64] { counts.withLock { $0 } }

    /// Stores a letter and logs it at `error`. Of several concurrent processes, one stores and logs it.
    ///
    /// - Parameter occasion: distinguishes letters about the same entry within the duplicate window.
    /// - Throws: a retriable ``EventLogError`` in an outage; the caller then keeps the work.
    public func put(
        work: String,
        subject: String,
        sequence: UInt64,
        reason: String,
        attempts: UInt64 = 1,
        occasion: String = ""
    ) async throws(EventLogError) {
        let letter = letter(work: work, subject: subject, sequence: sequence, reason: reason, attempts: attempts)
        let isNew = try await store(
            letter.json().bytes,
            at: Self.place(of: letter),
            messageID: "\(work).\(log.epoch).\(sequence).\(occasion)"
        )
        if isNew { tell(of: letter) }
    }

    /// Stores a letter once per entry, for work that every process meets again, also after a restart: while any letter about the entry exists,
    /// nothing is stored, counted or logged.
    ///
    /// Uses compare-and-set on the subject: stored only if no letter was added since the subject was read. Serialize calls about the same tenant and
    /// kind of work.
    ///
    /// - Throws: a retriable ``EventLogError`` in an outage; the caller then keeps the work.
    public func putOnce(work: String, subject: String, sequence: UInt64, reason: String) async throws(EventLogError) {
        let letter = letter(work: work, subject: subject, sequence: sequence, reason: reason, attempts: 1)
        let isNew = try await log.persevere(until: .now.advanced(by: Self.timeout)) { () throws(EventLogError) in
            try await unique.store(letter, at: Self.place(of: letter), in: stream, of: log, timeout: Self.timeout)
        }
        if isNew { tell(of: letter) }
    }

    private func letter(work: String, subject: String, sequence: UInt64, reason: String, attempts: UInt64) -> DeadLetter {
        DeadLetter(
            work: work,
            tenant: ApprovalPlace.record(subject: subject)?.tenant ?? (try? EventSubject(subject).tenant),
            subject: subject,
            sequence: sequence,
            epoch: log.epoch,
            reason: reason,
            attempts: attempts,
            failedAt: now()
        )
    }

    private static func place(of letter: DeadLetter) -> String {
        "\(prefix).\(letter.tenant.map(SubjectToken.encode) ?? nobody).\(letter.work)"
    }

    private func tell(of letter: DeadLetter) {
        counts.withLock { $0[letter.work, default: 0] += 1 }
        var metadata: Logger.Metadata = [
            LogKey.work: "\(letter.work)", LogKey.sequence: "\(letter.sequence)", LogKey.attempts: "\(letter.attempts)",
            LogKey.error: "\(letter.reason)",
        ]
        if let tenant = letter.tenant { metadata[LogKey.tenant] = "\(tenant)" }
        logger.error("work failed and was set aside as a dead letter", metadata: metadata)
    }

    // MARK: For operators

    /// Returns letters, oldest first.
    ///
    /// - Parameters:
    ///   - tenant, work: Filters; nil for all.
    ///   - after: Only letters behind this number.
    ///   - limit: Maximum number of letters.
    public func list(tenant: Tenant?, work: String?, after: UInt64 = 0, limit: Int) async throws(EventLogError) -> [Stored] {
        let filter = "\(Self.prefix).\(tenant.map { SubjectToken.encode($0) } ?? "*").\(work ?? "*")"
        var found: [Stored] = []
        var place = after
        while found.count < limit, let message = try await stream.next(after: place, matching: filter) {
            place = message.sequence
            if let letter = DeadLetter(json: message.payload) { found.append(Stored(id: place, letter: letter)) }
        }
        return found
    }

    /// Requests a retry of a letter's work, by any process that does it, and removes the letter.
    ///
    /// - Throws: ``EventLogError/Code/rejected`` when the letter does not exist.
    public func retry(_ id: UInt64) async throws(EventLogError) {
        let message = try await message(id)
        // Idempotent: repeated after an interruption, it is requested once.
        _ = try await store(message.payload, at: Self.retryPrefix + message.subject.dropFirst(Self.prefix.count), messageID: "retry.\(id)")
        try await delete(id)
    }

    /// Removes a letter without a retry.
    ///
    /// - Throws: ``EventLogError/Code/rejected`` when the letter does not exist.
    public func drop(_ id: UInt64) async throws(EventLogError) {
        _ = try await message(id)
        try await delete(id)
    }

    // MARK: For workers

    /// The subject filter of requested retries.
    static func retries(of work: String) -> String { "\(retryPrefix).*.\(work)" }

    /// Deletes a message of the stream.
    func delete(_ id: UInt64) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await log.jetStream.deleteMessage(stream: Self.streamName, sequence: id)
        } catch {
            // 10057: deletion failed, because the message is absent.
            guard error.code == .messageNotFound || error.code == .api(10057) else { throw EventLogError(error) }
        }
    }

    /// The side stream; created by its first writer or worker.
    public var stream: SideStream {
        var stream = StreamConfiguration(name: Self.streamName, subjects: ["\(Self.prefix).*.*", "\(Self.retryPrefix).*.*"])
        stream.description = "Causeway: work that failed and was set aside"
        stream.maxAge = Self.maxAge
        stream.maxMessages = Self.maxMessages
        stream.maxMessagesPerSubject = Self.perSubject
        return SideStream(beside: log, stream)
    }

    private func message(_ id: UInt64) async throws(EventLogError) -> StoredMessage {
        do throws(JetStreamError) {
            let message = try await log.jetStream.message(stream: Self.streamName, sequence: id)
            if message.subject.hasPrefix("\(Self.prefix).") { return message }
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
        }
        throw EventLogError(code: .rejected, message: "There is no dead letter \(id): it was retried or dropped, or has expired.")
    }

    /// Stores a message; returns whether it is new.
    private func store(_ payload: [UInt8], at subject: String, messageID: String) async throws(EventLogError) -> Bool {
        try await log.persevere(until: .now.advanced(by: Self.timeout)) { () throws(EventLogError) in
            // Without compare-and-set there is always an acknowledgement.
            try await stream.publish(subject: subject, payload: payload, messageID: messageID, timeout: Self.timeout)?.isDuplicate == false
        }
    }
}
