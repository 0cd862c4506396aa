import Basics
import EventModel
import Webhooks

/// An endpoint as every process knows it: a row of some 250 bytes, without task or timer. What an endpoint needs while it is driven is in ``drive``.
///
/// Confined to the dispatcher's actor.
final class TrackedEndpoint {
    /// Those of its tenant.
    let group: TenantEndpoints
    /// Its id.
    let id: EndpointID
    /// The sequence of the record that the row is of.
    private(set) var revision: UInt64 = 0
    /// The stored cursor.
    private(set) var cursor: Cursor
    /// The stored state.
    private(set) var state: EndpointHealth.State
    private(set) var types: TypeFilter
    private(set) var user: UserID?
    /// Whether the record names this process as owner.
    private(set) var isOwner = false
    /// Whether the stored state is a disabling whose `webhook.disabled` is missing in the log.
    private var isUnannounced = false
    /// The reading of all records that found it last.
    fileprivate(set) var reading: UInt32 = 0
    /// ``revision`` when that reading began.
    fileprivate var revisionBefore: UInt64 = 0

    /// Whether the members that are alive choose this process.
    var isChosen = false
    /// Whether it was removed from the table.
    fileprivate(set) var isRemoved = false
    /// Whether everything up to the feed's position was read for it.
    var isAtHead = false
    /// Whether the log has something for it behind ``readThrough``, while nobody drives it.
    var hasWork = false
    /// Before this time this process does not claim it.
    var claimableAt = MonotonicInstant(nanoseconds: 0)
    /// Whether its receiver last took longer than ``Dispatcher/Limits/slow``: such endpoints share a part of the places.
    var isSlow = false
    /// Attempts under way.
    var underWayCount: UInt16 = 0
    /// Whether a claim or a write is under way.
    var isStoring = false
    /// Whether its `webhook.disabled` is being appended.
    var isAnnouncing = false
    /// A change that came while ``isStoring``.
    var deferred: DeferredChange?
    /// When its cursor was last stored, in seconds of the monotonic clock.
    var storedAt: UInt32 = 0
    /// What it has while this process drives it.
    var drive: EndpointDrive?
    private var scannedThrough: UInt64
    /// Whether ``place`` was found in the present log.
    private var isVerified = false
    /// When its latest replay was requested; nil before the first.
    private var replayRequestedAt: Timestamp?

    fileprivate init(_ stored: EndpointStore.Stored, of group: TenantEndpoints) {
        let endpoint = stored.endpoint
        self.group = group
        id = endpoint.id
        cursor = endpoint.cursor
        state = endpoint.state
        types = group.shared(endpoint.settings.types.filter)
        user = endpoint.settings.user
        scannedThrough = endpoint.cursor.sequence
        replayRequestedAt = endpoint.replay?.requestedAt
    }

    /// Up to here the log was read for it.
    var readThrough: UInt64 { drive?.delivery.queue.readThrough ?? scannedThrough }

    /// The place behind which it is to get events, unless it gets a gap first.
    var place: Cursor { drive?.delivery.queue.position ?? cursor }

    /// Whether ``place`` must be compared with the log before anything is read behind it, or a gap be delivered instead.
    var isStray: Bool { !isVerified && !(drive?.delivery.queue.beginsWithGap ?? false) }

    /// Which events it gets.
    var selection: EventSelection { EventSelection(tenant: group.tenant, types: types, user: user) }

    /// The stored disabling whose `webhook.disabled` is missing in the log; nil without one.
    var unannounced: (reason: EndpointHealth.Reason, at: Timestamp)? {
        guard isUnannounced, case .disabled(let reason, let time) = state else { return nil }
        return (reason, time)
    }

    /// The state that counts at the moment.
    var currentState: EndpointHealth.State { drive?.delivery.health.state ?? state }

    /// Records how far the log was read for it.
    func noteRead(through sequence: UInt64) {
        if let drive {
            drive.delivery.read { $0.noteRead(through: sequence) }
        } else {
            scannedThrough = max(scannedThrough, sequence)
        }
    }

    /// Records that ``place`` is one of the present log.
    func verify() { isVerified = true }

    /// Forgets what was read of the log, which is another one, or was cut and written on.
    func rewind() {
        isVerified = false
        isAtHead = false
        hasWork = false
        if let drive { drive.delivery.rewind() } else { scannedThrough = cursor.sequence }
    }

    /// Takes over a record. The place up to which the log was read stays, unless the cursor is another one, or was set back to itself by a replay.
    ///
    /// - Returns: whether it is read again from the cursor.
    @discardableResult
    func update(_ stored: EndpointStore.Stored, me: MemberID) -> Bool {
        let endpoint = stored.endpoint
        let isSetBack = endpoint.cursor != cursor || endpoint.replay?.requestedAt != replayRequestedAt
        replayRequestedAt = endpoint.replay?.requestedAt
        revision = stored.revision
        revisionBefore = min(revisionBefore, revision)
        cursor = endpoint.cursor
        state = endpoint.state
        if types != endpoint.settings.types.filter { types = group.shared(endpoint.settings.types.filter) }
        user = endpoint.settings.user
        isOwner = endpoint.owner == me.text
        isUnannounced = endpoint.unannouncedDisabling != nil
        if isSetBack { scannedThrough = endpoint.cursor.sequence }
        // The process that stored it may know another state of the log. One that drives has its own place.
        if isSetBack, drive == nil { isVerified = false }
        return isSetBack
    }

    /// Begins to drive it, with what was read so far.
    func begin(_ drive: EndpointDrive) {
        let scanned = scannedThrough
        self.drive = drive
        drive.delivery.read { $0.noteRead(through: scanned) }
    }

    /// Ends driving it. What was delivered but not stored counts as not read: a replay that comes before the next drive may begin there.
    func endDrive() {
        let isComplete = drive.map { $0.delivery.queue.isEmpty && !$0.delivery.isDirty } ?? false
        scannedThrough = isComplete ? readThrough : cursor.sequence
        isVerified = isVerified && isComplete
        isAtHead = isAtHead && isComplete
        drive = nil
    }
}

extension TrackedEndpoint: Hashable {
    static func == (left: TrackedEndpoint, right: TrackedEndpoint) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A change that was seen while this process stored: its own, or one of another process.
final class DeferredChange {
    let change: EndpointStore.Change
    /// Whether it is of a reading of all records.
    let isRead: Bool
    fileprivate init(_ change: EndpointStore.Change, isRead: Bool) {
        self.change = change
        self.isRead = isRead
    }
}

/// What this process holds of an endpoint that it drives. Confined to the dispatcher's actor.
final class EndpointDrive {
    /// The deciding part.
    var delivery: EndpointDelivery
    /// Since when there is progress that is not stored.
    var dirtySince: MonotonicInstant?
    /// A record whose write had no answer: it may be stored, so it is written again before another one.
    var unconfirmed: Endpoint?
    /// Whether the receiver has taken a message quickly. Before that it gets one at a time.
    var isProven = false
    /// Whether the sender had no place for it.
    var isParked = false
    /// Whether a write lost its comparison, and the record is being read again.
    var isLost = false
    /// When it last had something to do.
    var activeAt: MonotonicInstant
    /// When the receiver last answered, or the first attempt under way began if that was later.
    var answeredAt: MonotonicInstant

    init(_ stored: EndpointStore.Stored, at now: MonotonicInstant) {
        delivery = EndpointDelivery(stored)
        activeAt = now
        answeredAt = now
    }
}

/// The endpoints of a tenant. Confined to the dispatcher's actor.
final class TenantEndpoints {
    /// The tenant.
    let tenant: Tenant
    /// By slot.
    fileprivate(set) var rows: [Int: TrackedEndpoint] = [:]
    /// The tenant's last event that the feed reported.
    var lastEvent: UInt64 = 0
    /// Those that wait for more of the log.
    var hungry: Set<TrackedEndpoint> = []
    /// How often in a row their places were beyond the end of a replicated log.
    var shortLooks = 0
    /// Whether the log is being read for them: one read of a tenant at a time.
    var isReading = false
    /// Those for which the sender had no place, in order.
    var parked = EndpointQueue()
    /// Attempts under way at slow endpoints.
    var slowUnderWay = 0
    /// Slow endpoints that wait until fewer of these are under way, in order.
    private(set) var slowWaiting = EndpointQueue()
    /// The window of a parallel endpoint.
    var window = EndpointDelivery.maximumWindow

    fileprivate init(_ tenant: Tenant) { self.tenant = tenant }

    /// Lets a slow endpoint wait behind the others; without effect on one that waits. It is evaluated again and again meanwhile.
    func waitAsSlow(_ row: TrackedEndpoint) { slowWaiting.append(row) }

    /// Removes and returns the slow endpoint that waits for the longest time; nil without one.
    func nextSlow() -> TrackedEndpoint? { slowWaiting.popFirst() }

    fileprivate func remove(_ row: TrackedEndpoint) {
        hungry.remove(row)
        parked.remove(row)
        slowWaiting.remove(row)
        if rows[row.id.slot] === row { rows[row.id.slot] = nil }
    }

    /// The same filter with the storage of another endpoint that has it.
    fileprivate func shared(_ filter: TypeFilter) -> TypeFilter { rows.values.first { $0.types == filter }?.types ?? filter }
}

extension TenantEndpoints: Hashable {
    static func == (left: TenantEndpoints, right: TenantEndpoints) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// All endpoints of all tenants, as their records say. Confined to the dispatcher's actor.
///
/// A slot's former endpoint is gone when the slot has another one, also when its deletion was not seen.
final class EndpointTable {
    /// What a change means.
    enum Effect {
        /// Nothing new.
        case none
        /// A new endpoint.
        case added(TrackedEndpoint, EndpointStore.Stored)
        /// Another record of a known one.
        case changed(TrackedEndpoint, EndpointStore.Stored)
        /// A reading of all records has found something older of an endpoint that is driven, or something else at the revision that is known: the stream was
        /// cut, or a replica lags. Its leader knows.
        case doubtful(TrackedEndpoint, EndpointStore.Change)
    }

    /// By tenant.
    private(set) var groups: [Tenant: TenantEndpoints] = [:]
    private var reading: UInt32 = 0
    /// Whether all records are still being read, at the start or after an interruption.
    private(set) var isReading = true

    /// Number of endpoints.
    var count: Int { groups.values.reduce(0) { $0 + $1.rows.count } }

    /// All endpoints.
    var all: some Sequence<TrackedEndpoint> { groups.values.lazy.flatMap(\.rows.values) }

    /// Begins a reading of all records.
    func beginReading() {
        reading &+= 1
        isReading = true
        for row in all { row.revisionBefore = row.revision }
    }

    /// Ends the reading, and removes and returns the endpoints that have no record any more. Without effect when it has ended.
    func endReading() -> [TrackedEndpoint] {
        guard isReading else { return [] }
        isReading = false
        let gone = all.filter { $0.reading != self.reading }
        for row in gone { remove(row) }
        return gone
    }

    /// Applies a message of the stream.
    ///
    /// - Parameter isRead: whether it is of a reading of all records; nil for a change that comes now.
    /// - Returns: the slot's former endpoint, if it is gone, and what the message means for the present one.
    func apply(_ change: EndpointStore.Change, isRead: Bool? = nil) -> (gone: TrackedEndpoint?, effect: Effect) {
        let known = groups[change.tenant]?.rows[change.slot]
        if let known {
            known.reading = reading
            let isRead = isRead ?? isReading
            guard Self.isNews(change, of: known, isRead: isRead) else { return (nil, .none) }
            // The answer to this process's own call says whether it is its own record.
            if known.isStoring {
                known.deferred = DeferredChange(change, isRead: isRead)
                return (nil, .none)
            }
            if change.revision <= known.revision, known.drive != nil { return (nil, .doubtful(known, change)) }
        }
        guard let stored = change.stored else {
            if let known { remove(known) }
            return (known, .none)
        }
        if let known, known.id == stored.endpoint.id { return (nil, .changed(known, stored)) }
        if let known { remove(known) }
        let group = groups[change.tenant] ?? TenantEndpoints(change.tenant)
        groups[change.tenant] = group
        let row = TrackedEndpoint(stored, of: group)
        row.reading = reading
        group.rows[change.slot] = row
        return (known, .added(row, stored))
    }

    /// Whether a message says something that is not known. In a reading of all records an older one does, too, if it is older than what was known before:
    /// the stream was cut, and may have another record by now at the same revision.
    private static func isNews(_ change: EndpointStore.Change, of row: TrackedEndpoint, isRead: Bool) -> Bool {
        if change.revision > row.revision { return true }
        guard isRead, change.revision <= row.revisionBefore else { return false }
        guard change.revision == row.revisionBefore else { return true }
        return row.revision == change.revision && (row.drive.map { $0.delivery.stored.endpoint != change.stored?.endpoint } ?? true)
    }

    /// Removes an endpoint that has no record.
    func remove(_ row: TrackedEndpoint) {
        row.isRemoved = true
        let group = row.group
        group.remove(row)
        if group.rows.isEmpty { groups[group.tenant] = nil }
    }
}
