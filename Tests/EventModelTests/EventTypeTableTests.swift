import Basics
import Testing

@testable import EventModel

/// The type table and docs/contract.md state the same. A new type is a row of each.
@Suite struct EventTypeTableTests {
    @Test func everyNameIsATypeAndStandsOnce() throws {
        let names = EventTypeTable.rows.map(\.type.name)
        #expect(Set(names).count == names.count)
        #expect(EventCatalogue.typeNames == names.sorted())
        for name in names {
            #expect(try !EventType(name).isReserved)
        }
    }

    @Test func theContractShowsEveryRowInOrder() throws {
        let stated = EventTypeTable.rows.map { row in
            ContractPage.CatalogueRow(
                type: row.type.name,
                identifiers: row.required.filter { $0.rule == .identifier }.map(\.name),
                others: row.required.filter { $0.rule == .any }.map(\.name),
                notification: row.notification == nil ? "—" : "yes",
                relay: row.relay?.name ?? "—"
            )
        }
        let shown = try ContractPage.catalogue()
        #expect(shown.map(\.type) == stated.map(\.type))
        for (shown, stated) in zip(shown, stated) { #expect(shown == stated) }
    }

    /// The page has columns for these two rules alone, identifiers first.
    @Test func requiredFieldsAreIdentifiersThenOthers() {
        for row in EventTypeTable.rows {
            let others = row.required.drop { $0.rule == .identifier }
            #expect(others.allSatisfy { $0.rule == .any }, "\(row.type)")
        }
    }

    @Test func theContractShowsEveryOptionalField() throws {
        let stated = EventTypeTable.rows.flatMap { row in
            row.optional.map { ContractPage.OptionalField(type: row.type.name, name: $0.name, rule: rule($0)) }
        }
        let shown = try ContractPage.optionalFields()
        #expect(Set(shown) == Set(stated))
        #expect(shown.count == stated.count, "a field stands twice")
    }

    private func rule(_ field: PayloadField) -> String {
        switch field.rule {
        case .any: "any value"
        case .identifier: "identifier"
        case .text(let maximumBytes): "at most \(maximumBytes) bytes"
        case .time: "RFC 3339 time with an offset"
        }
    }

    @Test func theContractNamesWhatApprovalsAloneWrite() throws {
        let stated = EventTypeTable.rows.map(\.type).filter(EventCatalogue.isWrittenByApprovals).map(\.name)
        #expect(try ContractPage.written(by: "approvals").sorted() == stated.sorted())
        #expect(EventCatalogue.approvalRequest.name == "approval.requested")
        #expect(EventCatalogue.approvalDecision.name == "approval.resolved")
        #expect(!EventCatalogue.isWrittenByApprovals(EventCatalogue.approvalRequest))
        #expect(!EventCatalogue.isWrittenByApprovals(try EventType("billing.invoice.sent")))
    }

    @Test func theContractNamesWhatWebhooksAloneWrite() throws {
        let stated = EventTypeTable.rows.map(\.type).filter(EventCatalogue.isWrittenByWebhooks).map(\.name)
        #expect(try ContractPage.written(by: "webhooks") == stated)
        #expect(!EventCatalogue.isWrittenByWebhooks(EventCatalogue.approvalDecision))
        #expect(!EventCatalogue.isWrittenByWebhooks(try EventType("webhook.other")))
    }

    /// A stored event is read whatever its times are; at intake an invalid time is an error.
    @Test func timesAreCheckedAtTheIntakeAlone() throws {
        for row in EventTypeTable.rows {
            for field in (row.required + row.optional) where field.rule == .time {
                let members = (row.required.filter { $0 != field }.map(\.name) + [field.name]).map { #""\#($0)":"x""# }
                let payload = try Payload(validating: bytes("{\(members.joined(separator: ","))}"))
                #expect(fault { try EventCatalogue.validate(type: row.type, payload: payload) } == nil)
                #expect(fault { try EventDraft(type: row.type, payload: payload) }?.field == "payload.\(field.name)")
            }
        }
    }

    @Test func aFamilyPushesTheTypesOfItsRows() throws {
        for row in EventTypeTable.rows {
            #expect(EventFamily(pushing: row.type) == row.relay)
            for family in EventFamily.allCases {
                #expect(family.typeNames.contains(row.type.name) == (row.relay == family))
            }
        }
        #expect(EventFamily(pushing: try EventType("investigation.other")) == nil)
    }
}
