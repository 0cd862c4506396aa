public import Basics
public import EventLog
public import EventModel
import NATSClient

/// The endpoints of all tenants: the stream `WEBHOOKS`, of whose subjects the last message counts (contract §14).
///
/// A subject is a *slot* of a tenant, `webhooks.<tenant>.<slot>`, and every write is compared with the slot's last one. So of concurrent
/// changes one wins, a tenant has no more endpoints than slots over all processes, and a deleted endpoint takes no room: its slot is used
/// again. The stream refuses new messages when it is full; it drops none. Any thread.
public struct EndpointStore: Sendable {
    /// An endpoint as it was read or written.
    public struct Stored: Sendable, Hashable {
        /// The endpoint.
        public var endpoint: Endpoint
        /// The sequence of its message: a write is compared with it.
        public let revision: UInt64
    }

    /// A message of the stream, for those who follow it.
    public struct Change: Sendable, Hashable {
        /// Whose slot it is.
        public let tenant: Tenant
        /// The slot; what it held before is gone, also when its deletion was not seen.
        public let slot: Int
        /// The message's sequence.
        public let revision: UInt64
        private let body: [UInt8]

        fileprivate init(tenant: Tenant, slot: Int, revision: UInt64, body: [UInt8]) {
            self.tenant = tenant
            self.slot = slot
            self.revision = revision
            self.body = body
        }

        /// What it holds; nil when that is not a record of this version. Decoded with each call: who stored it itself knows it by its revision.
        public var record: EndpointRecord? { EndpointRecord(json: body, tenant: tenant, slot: slot) }

        /// The endpoint that it holds; nil after a deletion.
        public var stored: Stored? {
            guard case .endpoint(let endpoint) = record else { return nil }
            return Stored(endpoint: endpoint, revision: revision)
        }
    }

    /// A tenant has as many endpoints as it may have.
    public struct LimitReached: ExplainedError, CustomStringConvertible {
        /// How many.
        public let limit: Int
        /// What is wrong, and what to do.
        public var message: String { "The tenant has \(limit) webhook endpoints, which is the limit. Delete one, or raise it." }
        public var description: String { message }
    }

    /// Endpoints of a tenant unless configured otherwise.
    public static let defaultLimit = 100
    /// Maximum size of the stream in bytes. A record has some 500 bytes, at most 12 KiB.
    private static let maximumBytes: Int64 = 256 << 20
    private static let maximumRecordBytes: Int32 = 32 * 1024
    private static let prefix = "webhooks"

    /// The stream and its reader.
    public let followed: FollowedStream
    private let lists: EndpointLists
    private let limit: Int
    private let now: @Sendable () -> Timestamp

    /// Describes the stream, which may not exist yet.
    ///
    /// - Parameter limit: endpoints of a tenant, 1 to 1,024.
    public init(beside log: EventLog, limit: Int = defaultLimit, now: @escaping @Sendable () -> Timestamp = { .now }) {
        var stream = StreamConfiguration(name: EventLogConfiguration.webhooksName, subjects: ["\(Self.prefix).*.*"])
        stream.description = "Causeway: webhook endpoints and their cursors"
        stream.maxBytes = Self.maximumBytes
        stream.maxMessageSize = Self.maximumRecordBytes
        stream.maxMessagesPerSubject = 1
        stream.discard = .new
        let followed = FollowedStream(SideStream(beside: log, stream), beside: log)
        self.followed = followed
        lists = EndpointLists { tenant in
            try await Self.changes(of: tenant, in: followed).compactMap(\.stored).sorted { $0.endpoint.id < $1.endpoint.id }
        }
        self.limit = min(max(1, limit), EndpointID.slots)
        self.now = now
    }

    // MARK: Changes

    /// Registers an endpoint, pending and due for its ping.
    ///
    /// - Parameters:
    ///   - cursor: the place in the log behind which it gets events.
    ///   - request: the key that makes a repetition recognisable for as long as the endpoint exists.
    ///   - timeout: how long to retry through a short outage.
    /// - Returns: the endpoint; the one that an earlier request with the same key registered, as it is now, perhaps with other settings.
    /// - Throws: ``LimitReached``; ``EventLogError``.
    public func register(
        _ settings: Endpoint.Settings,
        of tenant: Tenant,
        secret: SigningSecret,
        cursor: Cursor,
        request: RequestKey? = nil,
        within timeout: Duration
    )
        async throws -> Stored
    {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while true {
            let found = try await Self.persevere(until: deadline) { () throws(EventLogError) in
                try await Self.changes(of: tenant, in: followed)
            }
            if let request, let known = found.lazy.compactMap(\.stored).first(where: { $0.endpoint.id.isOf(request) }) { return known }
            let (slot, revision) = try freeSlot(beside: found)
            let time = now()
            let endpoint = Endpoint(
                id: EndpointID(slot: slot, time: time, request: request),
                tenant: tenant,
                createdAt: time,
                settings: settings,
                secrets: EndpointSecrets(secret),
                state: EndpointHealth(registeredAt: time).state,
                cursor: cursor
            )
            if let stored = try await store(.endpoint(endpoint), of: tenant, slot: slot, after: revision, until: deadline) {
                return Stored(endpoint: endpoint, revision: stored)
            }
            // Another process took the slot.
            try Self.checkTime(deadline)
        }
    }

    /// Changes an endpoint: reads it, applies `change`, and stores it, again when somebody else has changed it in between.
    ///
    /// - Parameter change: may run several times.
    /// - Returns: the endpoint as stored; nil for an absent one and one of another tenant.
    /// - Throws: errors of `change`; ``EventLogError``.
    public func update(_ id: EndpointID, of tenant: Tenant, within timeout: Duration, _ change: (inout Endpoint) throws -> Void)
        async throws
        -> Stored?
    {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while var stored = try await endpoint(id, of: tenant, until: deadline) {
            let before = stored.endpoint
            try change(&stored.endpoint)
            if stored.endpoint == before { return stored }
            if let written = try await write(stored, within: ContinuousClock.now.duration(to: deadline)) { return written }
            try Self.checkTime(deadline)
        }
        return nil
    }

    /// Stores an endpoint, unless it was changed or deleted since it was read.
    ///
    /// - Returns: the endpoint with its new revision; nil when it was changed: read it again.
    public func write(_ stored: Stored, within timeout: Duration) async throws -> Stored? {
        let endpoint = stored.endpoint
        let deadline = ContinuousClock.now.advanced(by: timeout)
        return try await store(.endpoint(endpoint), of: endpoint.tenant, slot: endpoint.id.slot, after: stored.revision, until: deadline)
            .map { Stored(endpoint: endpoint, revision: $0) }
    }

    /// Deletes an endpoint.
    ///
    /// - Returns: false for an absent one and one of another tenant.
    public func delete(_ id: EndpointID, of tenant: Tenant, within timeout: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while let stored = try await endpoint(id, of: tenant, until: deadline) {
            let record = EndpointRecord.deleted(id, at: now())
            if try await store(record, of: tenant, slot: id.slot, after: stored.revision, until: deadline) != nil { return true }
            try Self.checkTime(deadline)
        }
        return false
    }

    // MARK: Reading

    /// Returns an endpoint, read from the stream's leader; nil for an absent one and one of another tenant.
    public func endpoint(_ id: EndpointID, of tenant: Tenant) async throws(EventLogError) -> Stored? {
        guard let message = try await followed.lastMessage(on: Self.subject(tenant, id.slot)),
            case .endpoint(let endpoint) = EndpointRecord(json: message.payload, tenant: tenant, slot: id.slot), endpoint.id == id
        else { return nil }
        return Stored(endpoint: endpoint, revision: message.sequence)
    }

    /// Returns the endpoints of a tenant, oldest first. Concurrent calls for a tenant share a reading.
    ///
    /// - Throws: ``EventLogError``.
    public func endpoints(of tenant: Tenant) async throws -> [Stored] { try await lists.endpoints(of: tenant) }

    /// Reads all endpoints, then follows the stream, until an error. Creates the stream if absent.
    ///
    /// - Parameter apply: receives changes in their order, and whether there are no further ones for now.
    /// - Throws: as ``FollowedStream/follow(_:)``.
    public func follow(_ apply: @Sendable (_ changes: [Change], _ isCaughtUp: Bool) async -> Void) async throws(EventLogError) -> Never {
        try await followed.follow { messages, _, isCaughtUp in
            let changes = messages.compactMap {
                Self.change(subject: $0.message.subject, body: $0.message.payload, revision: $0.metadata.streamSequence)
            }
            await apply(changes, isCaughtUp)
        }
    }

    // MARK: Slots

    private static func subject(_ tenant: Tenant, _ slot: Int) -> String { "\(prefix).\(SubjectToken.encode(tenant)).\(slot)" }

    /// Decodes a message; nil when its subject is not a slot.
    static func change(subject: String, body: [UInt8], revision: UInt64) -> Change? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == prefix, let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            let slot = Int(tokens[2]), (0..<EndpointID.slots).contains(slot), "\(slot)" == tokens[2]
        else { return nil }
        return Change(tenant: tenant, slot: slot, revision: revision, body: body)
    }

    /// The last message of each of the tenant's slots.
    private static func changes(of tenant: Tenant, in followed: FollowedStream) async throws(EventLogError) -> [Change] {
        let filter = "\(prefix).\(SubjectToken.encode(tenant)).*"
        var found: [Int: Change] = [:]
        var place: UInt64 = 0
        // A slot that is written meanwhile moves to the stream's end and is read again.
        for _ in 0..<(4 * EndpointID.slots) {
            guard let message = try await followed.store.next(after: place, matching: filter) else { return Array(found.values) }
            place = message.sequence
            guard let change = change(subject: message.subject, body: message.payload, revision: place) else { continue }
            found[change.slot] = change
        }
        throw .unavailable("The tenant's webhook endpoints change faster than they can be read. Try again.")
    }

    /// The lowest free slot of a tenant, and the revision that it has.
    private func freeSlot(beside found: [Change]) throws(LimitReached) -> (slot: Int, revision: UInt64) {
        let taken = Dictionary(uniqueKeysWithValues: found.map { ($0.slot, $0) })
        for slot in 0..<limit {
            guard let change = taken[slot] else { return (slot, 0) }
            if case .deleted = change.record { return (slot, change.revision) }
        }
        throw LimitReached(limit: limit)
    }

    private func endpoint(_ id: EndpointID, of tenant: Tenant, until deadline: ContinuousClock.Instant) async throws -> Stored? {
        try await Self.persevere(until: deadline) { () throws(EventLogError) in try await endpoint(id, of: tenant) }
    }

    /// Writes a slot.
    ///
    /// - Returns: the new revision; nil when the slot has another one than `revision`.
    private func store(
        _ record: EndpointRecord,
        of tenant: Tenant,
        slot: Int,
        after revision: UInt64,
        until deadline: ContinuousClock.Instant
    )
        async throws -> UInt64?
    {
        let subject = Self.subject(tenant, slot)
        let json = record.json
        let sequence = try await followed.publish(
            subject: subject,
            payload: json,
            expectedLastSubjectSequence: revision,
            within: ContinuousClock.now.duration(to: deadline)
        )
        if let sequence { return sequence }
        // The acknowledgement of an earlier attempt of this call may have been lost. Where another process stored the same, it is done as
        // well.
        let last = try await Self.persevere(until: deadline) { () throws(EventLogError) in try await followed.lastMessage(on: subject) }
        guard let last, last.sequence > revision, last.payload == json else { return nil }
        return last.sequence
    }

    /// Repeats a read through a short outage.
    private static func persevere<Value>(
        until deadline: ContinuousClock.Instant,
        _ read: () async throws(EventLogError) -> Value
    ) async throws -> Value {
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                return try await read()
            } catch {
                let wait = pause.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                try await Task.sleep(for: wait)
            }
        }
    }

    private static func checkTime(_ deadline: ContinuousClock.Instant) throws(EventLogError) {
        guard ContinuousClock.now < deadline else { throw .unavailable("The endpoint could not be stored in time. Try again.") }
    }
}
