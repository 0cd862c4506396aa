import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore
import TestKit
import Testing

@testable import approval_api

/// Rows and answers have a bound in bytes, whatever an event holds.
@Suite struct BoundsTests {
    /// A character of about 1,000 bytes.
    private static let letter = "a" + String(repeating: "\u{301}", count: 500)
    private static let title = String(repeating: letter, count: 200)

    @Test func everyNotificationIsARowOfSomeKiB() throws {
        let long = #""\#(Self.title)""#
        let ids = #""incidentId":"i","remediationId":"r","approvalId":"a","integrationId":"n","id":"d""#
        let names = [
            "title", "severity", "service", "status", "previousStatus", "reason", "rootCause", "name", "source", "risk_score",
            "issue_count",
            "message", "description", "body", "subject", "text", "action", "expiresAt", "decidedBy", "requestedBy",
        ]
        for type in EventCatalogue.notificationTypeNames {
            for name in names {
                let others = names.filter { $0 != name }.map { #""\#($0)":"x""# }.joined(separator: ",")
                let entry = try Fixture.entry(1, type, #"{\#(ids),\#(others),"\#(name)":\#(long)}"#)
                let records = LogChange.changes(of: entry).compactMap { if case .notified(let record, _) = $0 { record } else { nil } }
                #expect(records.count == 1, "\(type).\(name)")
                for record in records {
                    #expect(record.title.utf8.count <= 1_500, "\(type).\(name)")
                    #expect(record.body.utf8.count <= 5_000, "\(type).\(name)")
                }
            }
        }
    }

    @Test func titlesAndReasonsOfApprovalsAreBounded() throws {
        func asked(_ member: String) throws -> Approval.Request {
            let request = try Fixture.request("a", members: #","\#(member)":"\#(Self.title)""#)
            return try #require(Approval.Request(request.event, at: request.cursor(epoch: 7)))
        }
        let title = try #require(try asked("title").title)
        let description = try #require(try asked("description").description)
        #expect(description.utf8.count <= Approval.Request.maximumDescriptionBytes && description.hasSuffix("…"))
        #expect(title.utf8.count <= Approval.Request.maximumTitleBytes)
        #expect(title.hasPrefix(Self.letter) && title.hasSuffix("…"))
        let payload = #"{"approvalId":"a","remediationId":"r","action":"approve","reason":"\#(Self.title)"}"#
        let event = try Fixture.event("approval.resolved", payload)
        let reason = try #require(Decision(event, on: "a")?.reason)
        #expect(reason.utf8.count <= Decision.maximumReasonBytes)
    }

    private struct Item: Encodable {
        var text: String
    }

    private func list(_ items: [Item], maximumBytes: Int) throws -> (count: Int, body: String) {
        var list = ListBody(maximumBytes: maximumBytes)
        try list.append(items)
        return (list.count, String(buffer: try list.body(nextCursor: "n", unreadCount: 3)))
    }

    @Test func aListEndsWhereItsBoundIs() throws {
        let items = (0..<5).map { Item(text: "\($0)") }
        #expect(try list(items, maximumBytes: 1_000).body.hasPrefix(#"{"items":[{"text":"0"},{"text":"1"},"#))
        #expect(try list(items, maximumBytes: 1_000).body.hasSuffix(#"{"text":"4"}],"nextCursor":"n","unreadCount":3}"#))
        #expect(try list(items, maximumBytes: 40).count == 3)
        #expect(try list(items, maximumBytes: 1).count == 1, "one item is always there, or nobody could go on")
        #expect(try list([], maximumBytes: 1).body == #"{"items":[],"nextCursor":"n","unreadCount":3}"#)
        // Escaped characters count in their escaped form.
        #expect(try list([Item(text: String(repeating: "\u{1}", count: 10)), Item(text: "")], maximumBytes: 80).count == 1)
    }
}
