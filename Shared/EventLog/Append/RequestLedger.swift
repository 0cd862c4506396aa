public import Basics
import Crypto
public import EventModel
import NATSClient

/// A request under an `Idempotency-Key` (contract §10): who sent it, and the key.
public struct RequestKey: Sendable, Hashable {
    /// A hash of fixed length, safe in subjects and ids.
    let name: String

    /// Names a request.
    ///
    /// - Parameters:
    ///   - tenant, user: who sent it; another client's key is another key.
    ///   - key: the text of the key.
    public init(tenant: Tenant, user: UserID, key: String) {
        name = MessageID.request([tenant.text, user.text, key])
    }

    /// The id of the event at a place in the request, unless the producer gave one: the same whenever and wherever the request is repeated.
    public func eventID(at index: Int) -> EventID {
        EventID(generated: "idem_\(name)_\(index)")
    }
}

/// What a request says, as a hash: a repetition says the same however its JSON is written (contract §10).
public struct RequestContent: Sendable, Hashable {
    let digest: String

    /// The content of a request that stores events of tenants.
    public init(_ events: [Event]) {
        var hash = ContentHash("events")
        for event in events {
            hash.add(event.tenant.text)
            hash.add(event.source?.text)
            hash.add(event.assigned.contains(.id) ? nil : event.id.text)
            hash.add(event.user?.text)
            hash.add(event.type.name)
            hash.add(event.assigned.contains(.time) ? nil : event.time.iso8601)
            hash.add(event.payload)
        }
        digest = hash.digest
    }

    /// The content of a request that stores events of one agent or workflow.
    ///
    /// - Parameter replaces: whether it ends another execution that is running; a request that does not is another one.
    public init(_ drafts: [ExecutionDraft], of reference: ExecutionReference, replacing replaces: Bool) {
        var hash = ContentHash(replaces ? "\(reference.subject) replace" : reference.subject)
        for draft in drafts {
            hash.add(draft.run?.text)
            hash.add(draft.id?.text)
            hash.add(draft.type.name)
            hash.add(draft.time?.iso8601)
            hash.add(draft.payload)
        }
        digest = hash.digest
    }
}

/// A hash over parts, each behind its length, so that they cannot run into each other.
private struct ContentHash {
    private var hash = SHA256()

    init(_ kind: String) { add(kind) }

    mutating func add(_ text: String?) {
        var bytes: [UInt8] = [text == nil ? 0x2D : 0x2B]
        MessageID.append(text ?? "", to: &bytes)
        hash.update(data: bytes)
    }

    mutating func add(_ payload: Payload) {
        let canonical = JSONContent.canonical(payload.bytes)
        hash.update(data: Array("\(canonical.count):".utf8))
        hash.update(data: canonical)
    }

    var digest: String { Hexadecimal.lowercase(hash.finalize()) }
}

/// Remembers which content each `Idempotency-Key` stands for, for the duplicate window: in a stream of its own beside the log, `REQUESTS`, so that
/// every replica knows it and no restart forgets it.
///
/// A record is one message that the server takes once (create-once on its subject). It is nobody's event: no edge reads it.
struct RequestLedger: Sendable {
    /// The stream's name.
    static let streamName = "REQUESTS"
    private static let prefix = "requests"

    let log: EventLog

    /// Makes a key stand for a content, unless it stands for another already.
    ///
    /// - Throws: ``EventLogError/Code/conflict`` when it does; a retriable error when the server does not answer by the deadline.
    func claim(_ key: RequestKey, for content: RequestContent, deadline: ContinuousClock.Instant) async throws(EventLogError) {
        let standing = try await log.persevere(until: deadline) { () throws(EventLogError) in try await record(key, content) }
        guard standing.elementsEqual(content.digest.utf8) else {
            throw EventLogError.conflict(
                "was used within the last two minutes for a request with another content; send the same content, or choose another key",
                field: Self.field
            )
        }
    }

    /// What errors call the key.
    static let field = "Idempotency-Key"

    /// What the key stands for: `content`, if it stood for nothing.
    private func record(_ key: RequestKey, _ content: RequestContent) async throws(EventLogError) -> [UInt8] {
        let subject = "\(Self.prefix).\(key.name)"
        let digest = Array(content.digest.utf8)
        while true {
            if try await stream.publish(subject: subject, payload: digest, expectedLastSubjectSequence: 0) != nil { return digest }
            do throws(JetStreamError) {
                return try await log.jetStream.lastMessage(stream: Self.streamName, subject: subject).payload
            } catch {
                // What was there has just expired: the key is free again.
                guard error.code == .messageNotFound, !Task.isCancelled else { throw EventLogError(error) }
            }
        }
    }

    /// The stream, which the first request creates.
    var stream: SideStream {
        var stream = StreamConfiguration(name: Self.streamName, subjects: ["\(Self.prefix).*"])
        stream.description = "Causeway: the requests of the last two minutes that have an Idempotency-Key"
        stream.maxAge = log.configuration.duplicateWindow
        stream.duplicateWindow = log.configuration.duplicateWindow
        // A bound in messages, because the server reserves bytes that are allowed. A record takes about 200.
        stream.maxMessages = 500_000
        return SideStream(beside: log, stream)
    }
}

extension EventLog {
    /// The stream of the `Idempotency-Key`s, for ``checkWritable(beside:)``.
    public var requestStream: SideStream { RequestLedger(log: self).stream }

    /// Makes an `Idempotency-Key` stand for a content for the duplicate window, before the request's events are appended.
    ///
    /// The same content is let through again, since the events themselves are recognised by their ids (``RequestKey/eventID(at:)``).
    ///
    /// - Throws: ``EventLogError/Code/conflict`` when the key stands for another content; a retriable error in an outage.
    public func claim(_ key: RequestKey, for content: RequestContent, timeout: Duration = .seconds(5)) async throws(EventLogError) {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
        try await RequestLedger(log: self).claim(key, for: content, deadline: deadline)
    }
}
