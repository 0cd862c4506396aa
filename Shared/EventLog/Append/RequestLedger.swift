public import Basics
import Crypto
public import EventModel
import NATSClient

/// Identifies a request with an `Idempotency-Key` (contract §10): its sender and the key.
public struct RequestKey: Sendable, Hashable {
    /// A fixed-length hash, safe in subjects and ids.
    let name: String

    /// Creates a request key.
    ///
    /// - Parameters:
    ///   - tenant, user: The sender; keys of different senders are different.
    ///   - key: The header's text.
    public init(tenant: Tenant, user: UserID, key: String) {
        name = MessageID.request([tenant.text, user.text, key])
    }

    /// A hash of the key, for ids that are derived from it.
    public var number: UInt128 { UInt128(name.prefix(32), radix: 16) ?? 0 }

    /// The deterministic id of the event at an index of the request, for events without an id: equal for every retry.
    public func eventID(at index: Int) -> EventID {
        EventID(generated: "idem_\(name)_\(index)")
    }
}

/// A hash of a request's content, independent of its JSON formatting (contract §10).
public struct RequestContent: Sendable, Hashable {
    let digest: String

    /// Hashes a request that stores tenants' events.
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

    /// Hashes a request that stores events of one agent or workflow.
    ///
    /// - Parameter replaces: whether it ends another running execution; part of the content.
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

/// Hashes length-prefixed parts.
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

    var digest: String { Hexadecimal.lowercase(Array(hash.finalize())) }
}

/// Stores the content hash of each `Idempotency-Key` for the duplicate window, in the side stream `REQUESTS`: shared by all replicas and
/// kept across restarts.
///
/// A record is one create-once message. It is not an event: no edge reads it.
struct RequestLedger: Sendable {
    /// The stream's name.
    static let streamName = "REQUESTS"
    private static let prefix = "requests"

    let log: EventLog

    /// Binds a key to a content (create-once).
    ///
    /// - Throws: ``EventLogError/Code/conflict`` when it is bound to another; a retriable error when the server does not answer by the deadline.
    func claim(_ key: RequestKey, for content: RequestContent, deadline: ContinuousClock.Instant) async throws(EventLogError) {
        let standing = try await log.persevere(until: deadline) { () throws(EventLogError) in try await record(key, content) }
        guard standing.elementsEqual(content.digest.utf8) else {
            throw EventLogError.conflict(
                "was used within the last two minutes for a request with another content; send the same content, or choose another key",
                field: Self.field
            )
        }
    }

    /// The key's name in errors.
    static let field = "Idempotency-Key"

    /// Returns the content that the key is bound to; binds it to `content` if it is free.
    private func record(_ key: RequestKey, _ content: RequestContent) async throws(EventLogError) -> [UInt8] {
        let subject = "\(Self.prefix).\(key.name)"
        let digest = Array(content.digest.utf8)
        while true {
            if try await stream.publish(subject: subject, payload: digest, expectedLastSubjectSequence: 0) != nil { return digest }
            do throws(JetStreamError) {
                return try await log.jetStream.lastMessage(stream: Self.streamName, subject: subject).payload
            } catch {
                // The record has just expired: the key is free again.
                guard error.code == .messageNotFound, !Task.isCancelled else { throw EventLogError(error) }
            }
        }
    }

    /// The side stream; the first request creates it.
    var stream: SideStream {
        var stream = StreamConfiguration(name: Self.streamName, subjects: ["\(Self.prefix).*"])
        stream.description = "Causeway: the requests of the last two minutes that have an Idempotency-Key"
        stream.maxAge = log.configuration.duplicateWindow
        stream.duplicateWindow = log.configuration.duplicateWindow
        // Bounded in messages, because the server reserves allowed bytes. A record has about 200 bytes.
        stream.maxMessages = 500_000
        return SideStream(beside: log, stream)
    }
}

extension EventLog {
    /// The side stream of `Idempotency-Key`s, for ``checkWritable(beside:)``.
    public var requestStream: SideStream { RequestLedger(log: self).stream }

    /// Binds an `Idempotency-Key` to a content for the duplicate window, before the request's events are appended.
    ///
    /// The same content passes again: its events are deduplicated by their ids (``RequestKey/eventID(at:)``).
    ///
    /// - Throws: ``EventLogError/Code/conflict`` when the key is bound to another content; a retriable error in an outage.
    public func claim(_ key: RequestKey, for content: RequestContent, timeout: Duration = .seconds(5)) async throws(EventLogError) {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
        try await RequestLedger(log: self).claim(key, for: content, deadline: deadline)
    }
}
