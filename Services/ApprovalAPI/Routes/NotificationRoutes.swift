import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird

/// `/v1/notifications`: lists notifications and marks them as read (contract §8).
struct NotificationRoutes: Sendable {
    private static let list: RouterPath = "/v1/notifications"
    private static let markAll: RouterPath = "/v1/notifications/read"
    private static let markOne: RouterPath = "/v1/notifications/:notificationId/read"
    private static let readers: Set<Role> = [.admin, .member]
    private static let maximumBodyBytes = 4096
    /// Time limit for storing a read mark, and for reading it back.
    private static let timeout: Duration = .seconds(5)

    let backend: ApprovalBackend
    let now: @Sendable () -> Timestamp

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.list) { request, context in try await self.list(request, context) }
        routes.post(Self.markAll) { request, context in try await self.markAll(request, context) }
        routes.patch(Self.markOne) { request, context in try await self.markOne(context) }
    }

    private func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        let parameters = try QueryParameters(of: request)
        var query = NotificationQuery(viewer: Viewer(principal), epoch: 0, limit: try parameters.pageLimit())
        query.isRead = try parameters.value("read").map(Self.boolean)
        query.type = try parameters.value("type").map(Self.type)
        let cursor = try parameters.value("cursor").map(Self.cursor)
        let parts = try backend.parts()
        async let marks = parts.barrier.ofInbox()
        // A request is a notification once it is recorded.
        async let records = parts.barrier.ofApprovals()
        let bounds = try await parts.barrier.ofLog()
        _ = try await records
        _ = try await marks
        if let cursor, !bounds.hasReached(cursor) { throw Self.badCursor }
        query.epoch = bounds.epoch
        query.before = cursor?.sequence
        let page = try await backend.model.notifications(query)
        var list = ListBody()
        try list.append(page.items.lazy.map { NotificationView($0, epoch: bounds.epoch) })
        let next = list.count < page.items.count ? page.items[list.count - 1].record.place : page.next
        return try list.response(nextCursor: next.map { NotificationID.text($0, epoch: bounds.epoch) }, unreadCount: page.unreadCount)
    }

    private func markOne(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        guard let cursor = context.decodedPathParameter("notificationId").flatMap({ NotificationID.cursor($0) }) else { throw Self.unknown }
        let parts = try backend.parts()
        let viewer = Viewer(principal)
        async let marks = parts.barrier.ofInbox()
        // A request is a notification once it is recorded.
        async let records = parts.barrier.ofApprovals()
        let bounds = try await parts.barrier.ofLog()
        _ = try await records
        let inbox = try await marks
        guard bounds.hasReached(cursor), let item = try await self.item(cursor, for: viewer) else { throw Self.unknown }
        if item.readAt != nil { return try .json(NotificationView(item, epoch: cursor.epoch)) }
        try await self.store(.one(cursor.sequence), intake: cursor.time, epoch: cursor.epoch, of: viewer, within: inbox, parts)
        guard let marked = try await self.item(cursor, for: viewer) else { throw Self.unknown }
        return try .json(NotificationView(marked, epoch: cursor.epoch))
    }

    private func markAll(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        let members = try await request.readObject(upTo: Self.maximumBodyBytes)
        guard let text = members.string("cursor") else {
            throw APIError.validation("cursor: is required; send the id of the newest notification that was seen.")
        }
        let cursor = try Self.cursor(text)
        let parts = try backend.parts()
        async let records = parts.barrier.ofApprovals()
        let bounds = try await parts.barrier.ofLog()
        _ = try await records
        guard bounds.hasReached(cursor) else { throw Self.badCursor }
        let viewer = Viewer(principal)
        // Marks that their stream has dropped no longer count.
        let inbox = try await parts.barrier.ofInbox()
        let seen = LogPlace(sequence: cursor.sequence, intake: cursor.time)
        if let place = try await backend.model.rise(through: seen, epoch: cursor.epoch, for: viewer) {
            try await self.store(.through(place.sequence), intake: place.intake, epoch: cursor.epoch, of: viewer, within: inbox, parts)
        }
        return try .json(["unreadCount": try await backend.model.unreadCount(for: viewer, epoch: cursor.epoch)])
    }

    /// Returns the notification with an id; nil when the log has another event at its sequence, because it was restored from an older copy and written
    /// since.
    private func item(_ cursor: Cursor, for viewer: Viewer) async throws -> InboxItem? {
        let item = try await backend.model.notification(at: cursor.sequence, epoch: cursor.epoch, for: viewer)
        return item?.record.place.intake == cursor.time ? item : nil
    }

    /// Stores a read mark and waits until the read model has applied it, so that the caller's next request sees it.
    ///
    /// - Throws: `rate_limited` when the tenant's share of the stream is full; `service_unavailable`.
    private func store(
        _ extent: ReadMark.Extent,
        intake: Timestamp,
        epoch: UInt16,
        of viewer: Viewer,
        within inbox: SideStreamBounds,
        _ parts: ApprovalBackend.Parts
    ) async throws {
        let mark = ReadMark(tenant: viewer.tenant, user: viewer.user, epoch: epoch, extent: extent, readAt: now(), intake: intake)
        if let share = InboxShare(of: inbox.limit) { try share.admit(mark, beside: try await backend.model.markBytes(of: viewer.tenant)) }
        let place: UInt64
        do {
            place = try await parts.inbox.publish(mark, within: Self.timeout)
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        guard await backend.model.inbox.wait(for: place, atMost: Self.timeout) else { throw Unavailable.catchingUp }
    }

    // MARK: Parameters

    private static let unknown = APIError.notFound("There is no such notification: check the id.")
    private static let badCursor = APIError.validation(
        "cursor: must be the id of a notification or an event that the log has reached; leave it out to begin again."
    )

    private static func cursor(_ text: String) throws(APIError) -> Cursor {
        guard let cursor = NotificationID.anyCursor(text) else { throw badCursor }
        return cursor
    }

    private static func boolean(_ text: String) throws(APIError) -> Bool {
        guard let value = Bool(text) else { throw .validation("read: must be true or false.") }
        return value
    }

    private static func type(_ text: String) throws(APIError) -> EventType {
        do throws(ValidationError) {
            return try EventType(text)
        } catch {
            throw APIError(error)
        }
    }
}
