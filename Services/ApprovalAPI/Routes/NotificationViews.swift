import Basics
import EventModel

/// Converts ids of notifications: the id of the event with another prefix (contract §8).
enum NotificationID {
    private static let prefix = "ntf_"
    private static let eventPrefix = "evt_"

    static func text(_ place: LogPlace, epoch: UInt16) -> String {
        prefix + place.eventID(epoch: epoch).dropFirst(eventPrefix.count)
    }

    /// Parses a notification id; nil when malformed.
    static func cursor(_ text: some StringProtocol) -> Cursor? {
        guard text.hasPrefix(prefix) else { return nil }
        return Cursor(eventPrefix + text.dropFirst(prefix.count))
    }

    /// Parses the id of a notification or of an event; nil when malformed.
    static func anyCursor(_ text: String) -> Cursor? {
        cursor(text) ?? Cursor(text)
    }
}

/// The JSON of a notification for its reader (contract §8).
struct NotificationView: Encodable, Sendable {
    let notificationId: String
    let type: String
    let title: String
    let body: String
    let read: Bool
    let readAt: String?
    let incidentId: String?
    let remediationId: String?
    let approvalId: String?
    let createdAt: String

    init(_ item: InboxItem, epoch: UInt16) {
        notificationId = NotificationID.text(item.record.place, epoch: epoch)
        type = item.record.type.name
        title = item.record.title
        body = item.record.body
        read = item.readAt != nil
        readAt = item.readAt?.iso8601
        incidentId = item.record.incidentID?.text
        remediationId = item.record.remediationID?.text
        approvalId = item.record.approvalID?.text
        createdAt = item.record.createdAt.iso8601
    }

    private enum CodingKeys: String, CodingKey {
        case notificationId, type, title, body, read, readAt, incidentId, remediationId, approvalId, createdAt
    }

    /// Encodes absent values as null, so that every member is always present.
    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(notificationId, forKey: .notificationId)
        try members.encode(type, forKey: .type)
        try members.encode(title, forKey: .title)
        try members.encode(body, forKey: .body)
        try members.encode(read, forKey: .read)
        try members.encode(readAt, forKey: .readAt)
        try members.encode(incidentId, forKey: .incidentId)
        try members.encode(remediationId, forKey: .remediationId)
        try members.encode(approvalId, forKey: .approvalId)
        try members.encode(createdAt, forKey: .createdAt)
    }
}
