public import Basics
import EventModel
public import Logging
import NATSClient
import Synchronization

/// The place where work is set aside that failed for its content: a stream of its own beside the log, `DEADLETTERS`, which operators list, retry and
/// drop from (`causeway dead-letters`).
///
/// - `deadletters.<tenant>.<work>` holds the letters. Each tenant has room for ``perSubject`` of each kind of work, so that nobody pushes another's out.
/// - `retries.<tenant>.<work>` holds those that an operator wants to be tried again, for ``RetriedWork``.
///
/// May be used from any thread.
public final class DeadLetters: Sendable {
    /// A letter and its number, by which it is retried or dropped.
    public struct Stored: Sendable {
        /// The place in the stream.
        public let id: UInt64
        /// What it says.
        public let letter: DeadLetter
    }

    /// The stream's name.
    public static let streamName = "DEADLETTERS"
    /// How many letters of one kind of work are kept for each tenant; then the oldest go.
    public static let perSubject: Int64 = 1000
    /// How long letters are kept.
    public static let maxAge: Duration = .seconds(30 * 86_400)
    /// How many are kept in all. A letter takes about 500 bytes, and at most 4 KiB.
    private static let maxMessages: Int64 = 200_000
    private static let timeout: Duration = .seconds(2)
    private static let prefix = "deadletters"
    private static let retryPrefix = "retries"
    /// The token of letters that no tenant's subject names; no tenant has it.
    private static let nobody = "="

    let log: EventLog
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let counts = Mutex<[String: UInt64]>([:])
    private let unique = UniqueLetters()

    /// Letters about entries of a log.
    public init(of log: EventLog, logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now }) {
        self.log = log
        self.logger = logger
        self.now = now
    }

    /// How many letters this process has written, by kind of work.
    public var totals: [String: UInt64] { counts.withLock { $0 } }

    /// Sets work aside, with one line of the log at `error`. Of several processes that do so at the same time, one stores the letter and tells of it.
    ///
    /// - Parameter occasion: tells apart letters about one entry that are not the same, within the duplicate window.
    /// - Throws: a retriable ``EventLogError`` in an outage; the caller keeps the work then.
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

    /// Sets work aside that every process comes upon again, after a restart too, as nothing keeps account of it: while there is a letter about the
    /// entry, whoever wrote it and however long ago, nothing is stored, counted or logged.
    ///
    /// The letter is stored only if no other was since those of the tenant and kind of work were read (compare-and-set on the subject). Calls about the
    /// same kind of work of a tenant should come one after another.
    ///
    /// - Throws: a retriable ``EventLogError`` in an outage; the caller keeps the work then.
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
            tenant: try? EventSubject(subject).tenant,
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
            "log.reading": "\(letter.work)", "log.sequence": "\(letter.sequence)", "attempts": "\(letter.attempts)",
            "error": "\(letter.reason)",
        ]
        if let tenant = letter.tenant { metadata["tenant"] = "\(tenant)" }
        logger.error("work failed and was set aside as a dead letter", metadata: metadata)
    }

    // MARK: For operators

    /// Letters, oldest first.
    ///
    /// - Parameters:
    ///   - tenant, work: only those; nil for all.
    ///   - after: only those behind this one.
    ///   - limit: how many at most.
    public func list(tenant: Tenant?, work: String?, after: UInt64 = 0, limit: Int) async throws(EventLogError) -> [Stored] {
        let filter = "\(Self.prefix).\(tenant.map { SubjectToken.encode($0) } ?? "*").\(work ?? "*")"
        var found: [Stored] = []
        var place = after
        while found.count < limit {
            do throws(JetStreamError) {
                let message = try await log.jetStream.nextMessage(stream: Self.streamName, from: place + 1, matching: filter)
                place = message.sequence
                if let letter = DeadLetter(json: message.payload) { found.append(Stored(id: place, letter: letter)) }
            } catch {
                if error.code == .messageNotFound || error.code == .streamNotFound { break }
                throw EventLogError(error)
            }
        }
        return found
    }

    /// Has the work of a letter tried again, by whoever does such work, and removes the letter.
    ///
    /// - Throws: ``EventLogError/Code/rejected`` when there is no such letter.
    public func retry(_ id: UInt64) async throws(EventLogError) {
        let message = try await message(id)
        // Repeated after an interruption, it is asked for once.
        _ = try await store(message.payload, at: Self.retryPrefix + message.subject.dropFirst(Self.prefix.count), messageID: "retry.\(id)")
        try await delete(id)
    }

    /// Removes a letter; its work stays undone.
    ///
    /// - Throws: ``EventLogError/Code/rejected`` when there is no such letter.
    public func drop(_ id: UInt64) async throws(EventLogError) {
        _ = try await message(id)
        try await delete(id)
    }

    // MARK: For those who do the work

    /// The subjects of what is to be tried again, as a filter.
    static func retries(of work: String) -> String { "\(retryPrefix).*.\(work)" }

    /// Removes a message of the stream.
    func delete(_ id: UInt64) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await log.jetStream.deleteMessage(stream: Self.streamName, sequence: id)
        } catch {
            // 10057: the server could not delete it, because it is not there.
            guard error.code == .messageNotFound || error.code == .api(10057) else { throw EventLogError(error) }
        }
    }

    /// The stream, which the first who writes to it or does such work creates.
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

    /// Returns whether the message is new.
    private func store(_ payload: [UInt8], at subject: String, messageID: String) async throws(EventLogError) -> Bool {
        try await log.persevere(until: .now.advanced(by: Self.timeout)) { () throws(EventLogError) in
            // Nothing is expected of the subject's last message, so there is an acknowledgement.
            try await stream.publish(subject: subject, payload: payload, messageID: messageID, timeout: Self.timeout)?.isDuplicate == false
        }
    }
}
