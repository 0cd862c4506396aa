import Basics
import TestKit
import Testing

@testable import EventModel

@Suite struct NotificationTextTests {
    private func text(_ type: String, _ payload: String) throws -> NotificationText? {
        EventCatalogue.notificationText(
            of: Event(
                id: "e",
                tenant: Tenant("acme"),
                type: try EventType(type),
                time: Timestamp(millisecondsSinceEpoch: 0),
                payload: try Payload(validating: Array(payload.utf8))
            )
        )
    }

    @Test(arguments: [
        (
            "approval.requested", #"{"approvalId":"a","remediationId":"r","title":"Restart"}"#, "Approval needed: Restart",
            "Approval a waits for an answer."
        ),
        (
            "approval.requested", #"{"approvalId":"a","remediationId":"r","expiresAt":"soon","requestedBy":"p"}"#, "Approval needed: r",
            "Approval a waits for an answer until soon, asked for by p."
        ),
        (
            "remediation.rejected", #"{"remediationId":"r","decidedBy":"ann","reason":"too risky"}"#, "Remediation rejected",
            "Remediation r does not go ahead, decided by ann. Reason: too risky"
        ),
        (
            "pattern.detected", #"{"id":"p","name":"Spike","risk_score":7.50,"status":"s","issue_count":3,"detected_at":"d"}"#,
            "Pattern detected: Spike", "Pattern p covers 3 issues with a risk score of 7.50."
        ),
        ("notification.created", #"{"id":"n"}"#, "notification.created", ""),
        ("notification.created", #"{"id":"n","title":["x"],"body":null,"message":"m"}"#, "notification.created", "m"),
        ("incident.created", #"{"incidentId":"i","title":"  \n"}"#, "New incident: i", "Incident i was opened."),
        ("incident.created", #"{"incidentId":"i","title":"a\u0007\u0085b"}"#, "New incident: a  b", "Incident i was opened."),
    ])
    func whatPeopleRead(_ type: String, _ payload: String, _ title: String, _ body: String) throws {
        let text = try #require(try text(type, payload))
        #expect(text.title == title)
        #expect(text.body == body)
    }

    @Test func otherTypesAreNoNotifications() throws {
        #expect(try text("investigation.progress", #"{"incidentId":"i","message":"m","agentName":"a"}"#) == nil)
        #expect(try text("of.our_own", #"{"title":"t"}"#) == nil)
    }

    @Test func longTextsAreShortened() throws {
        let title = String(repeating: "ä", count: 301)
        let text = try #require(try text("notification.created", #"{"id":"n","title":"\#(title)"}"#))
        #expect(text.title == String(repeating: "ä", count: NotificationTemplate.maximumFill) + "…")
    }

    /// An error in a template would trap at the first event of its type.
    @Test func everyRowIsWellFormed() throws {
        #expect(!EventCatalogue.notificationTypeNames.isEmpty)
        for name in EventCatalogue.notificationTypeNames {
            let text = try #require(try text(name, "{}"))
            #expect(!text.title.isEmpty)
            #expect(!text.body.contains { "{}[]|".contains($0) })
        }
    }

    /// The contract's catalogue marks these types with "yes".
    @Test(arguments: try ContractPage.catalogue())
    func typesThatSayItAreRenderedAndNoOthers(_ row: ContractPage.CatalogueRow) throws {
        let members = (row.identifiers + row.others).map { #""\#($0)":"value of \#($0)""# }.joined(separator: ",")
        let rendered = try text(row.type, "{\(members)}")
        try #require((rendered != nil) == (row.notification == "yes"))
        guard let rendered else { return }
        #expect(!rendered.title.isEmpty)
        #expect(!"\(rendered.title)\(rendered.body)".contains { "{}[]|".contains($0) })
        // A body says what it is about, or its producer writes all of it.
        if !rendered.body.isEmpty {
            #expect((row.identifiers + row.others).contains { rendered.body.contains("value of \($0)") })
        }
    }
}
