import Basics
import NATSClient
import Synchronization

/// Stores at most one dead letter per log entry (``DeadLetters/putOnce(work:subject:sequence:reason:)``).
///
/// Compare-and-set: a letter is stored only if the subject's last letter is still the last one that was read. The local state is only a cache.
/// Any thread.
final class UniqueLetters: Sendable {
    /// Maximum number of cached subjects; beyond it the cache is cleared.
    private static let maximumIndexes = 1000

    private let indexes = Mutex<[String: LetterIndex]>([:])

    /// Stores a letter unless the entry has one. A single attempt.
    ///
    /// - Returns: whether it was stored.
    /// - Throws: ``EventLogError/Code/busy`` when another letter was stored concurrently; the errors of ``SideStream``.
    func store(
        _ letter: DeadLetter,
        at subject: String,
        in stream: SideStream,
        of log: EventLog,
        timeout: Duration
    ) async throws(EventLogError) -> Bool {
        let letters = Letters(stream: stream, log: log, subject: subject)
        let last = try await letters.last()
        let known = indexes.withLock { $0[subject] } ?? LetterIndex()
        var index = try await letters.read(known, until: last)
        remember(index, of: subject)
        let entry = LetterIndex.Entry(of: letter)
        if let id = index[entry], try await letters.isThere(id, about: entry) { return false }
        let payload = letter.json().bytes
        guard let ack = try await stream.publish(subject: subject, payload: payload, expectedLastSubjectSequence: last, timeout: timeout)
        else { throw EventLogError(code: .busy, message: "Another process sets work aside at \(subject) at the same time. Try again.") }
        index.read(letter, id: ack.sequence)
        remember(index, of: subject)
        return true
    }

    private func remember(_ index: LetterIndex, of subject: String) {
        indexes.withLock { indexes in
            if indexes.count >= Self.maximumIndexes, indexes[subject] == nil { indexes.removeAll() }
            indexes[subject] = index
        }
    }
}

/// The letters of one subject, read from the stream's leader.
private struct Letters {
    let stream: SideStream
    let log: EventLog
    let subject: String

    /// Returns the number of the last letter; 0 when there is none.
    func last() async throws(EventLogError) -> UInt64 {
        do throws(JetStreamError) {
            return try await log.jetStream.lastMessage(stream: stream.name, subject: subject).sequence
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
            return 0
        }
    }

    /// Extends an index up to the last letter.
    func read(_ known: LetterIndex, until last: UInt64) async throws(EventLogError) -> LetterIndex {
        var index = known
        // The last letter read was removed, or the stream was recreated and numbers from 1: the index is unreliable.
        if index.position > last { index = LetterIndex() }
        while index.position < last {
            do throws(JetStreamError) {
                let message = try await log.jetStream.nextMessage(stream: stream.name, from: index.position + 1, matching: subject)
                index.read(DeadLetter(json: message.payload), id: message.sequence)
            } catch {
                guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
                throw .unavailable("The last dead letter at \(subject) has just been removed. Try again.")
            }
        }
        return index
    }

    /// Returns whether a letter still exists: not retried, dropped or expired.
    func isThere(_ id: UInt64, about entry: LetterIndex.Entry) async throws(EventLogError) -> Bool {
        do throws(JetStreamError) {
            let message = try await log.jetStream.message(stream: stream.name, sequence: id)
            return message.subject == subject && DeadLetter(json: message.payload).map(LetterIndex.Entry.init) == entry
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
            return false
        }
    }
}
