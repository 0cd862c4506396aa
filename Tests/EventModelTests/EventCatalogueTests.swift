import Basics
import EventModel
import Testing

@Suite struct EventCatalogueTests {
    @Test(arguments: try ContractPage.catalogue())
    func requiresEachField(_ row: ContractPage.CatalogueRow) throws {
        let type = try EventType(row.type)
        let fields = row.identifiers + row.others
        #expect(EventCatalogue.requiredFields(of: type)?.map(\.name) == fields)
        func payload(without missing: String?) throws -> Payload {
            let members = fields.filter { $0 != missing }.map { "\"\($0)\":\"x\"" }
            return try Payload(validating: bytes("{\(members.joined(separator: ","))}"))
        }
        let complete = try payload(without: nil)
        #expect(fault { try EventCatalogue.validate(type: type, payload: complete) } == nil)
        for field in fields {
            let incomplete = try payload(without: field)
            #expect(fault { try EventCatalogue.validate(type: type, payload: incomplete) }?.field == "payload.\(field)")
        }
    }

    @Test(arguments: [
        (#"{"incidentId":""}"#, false), (#"{"incidentId":1}"#, false), (#"{"incidentId":null}"#, false), (#"{"incidentId":{}}"#, false),
        (#"{"incidentId":"a"}"#, true), (#"{"incident\u0049d":"a"}"#, true),
        (#"{"incidentId":"\#(String(repeating: "x", count: 256))"}"#, true),
        (#"{"incidentId":"\#(String(repeating: "x", count: 257))"}"#, false),
    ])
    func identifiersAreStrings(_ json: String, _ isAccepted: Bool) throws {
        let type = try EventType("incident.created")
        let payload = try Payload(validating: bytes(json))
        let error = fault { try EventCatalogue.validate(type: type, payload: payload) }
        #expect(error?.field == (isAccepted ? nil : "payload.incidentId"))
    }

    @Test(arguments: [
        ("approval.requested", #""incidentId":"a\u0000b""#, "incidentId"), ("approval.requested", #""incidentId":7"#, "incidentId"),
        ("approval.requested", #""incidentId":null"#, nil), ("approval.requested", #""requestedBy":"""#, "requestedBy"),
        ("approval.requested", #""title":"\#(String(repeating: "é", count: 1024))""#, nil),
        ("approval.requested", #""title":"\#(String(repeating: "é", count: 1024))x""#, "title"),
        ("approval.requested", #""description":"\#(String(repeating: "x", count: 65_537))""#, "description"),
        ("approval.requested", #""title":{}"#, "title"), ("approval.requested", #""title":"two\nlines""#, nil),
        ("remediation.executed", #""incidentId":"a\u0085b""#, "incidentId"), ("remediation.executed", #""approvalId":"..""#, "approvalId"),
        ("remediation.approved", #""decidedBy":"a\u007f""#, "decidedBy"), ("tenant.created", #""incidentId":"""#, nil),
    ])
    func whatMayBeLeftOutIsCheckedWhereItIs(_ type: String, _ member: String, _ field: String?) throws {
        let payload = try Payload(
            validating: bytes(#"{\#(member.contains("approvalId") ? "" : #""approvalId":"a","#)"remediationId":"r",\#(member)}"#)
        )
        let error = fault { try EventCatalogue.validate(type: EventType(type), payload: payload) }
        #expect(error?.field == field.map { "payload.\($0)" })
    }

    @Test func otherTypesAreFree() throws {
        let type = try EventType("billing.invoice.sent")
        #expect(EventCatalogue.requiredFields(of: type) == nil)
        #expect(fault { try EventCatalogue.validate(type: type, payload: .empty) } == nil)
    }

    @Test(arguments: ReferenceEvent.all)
    func referenceEventsAreComplete(_ sample: ReferenceEvent) throws {
        let type = try EventType(sample.type)
        let payload = try sample.payload()
        #expect(EventCatalogue.requiredFields(of: type) != nil)
        #expect(fault { try EventCatalogue.validate(type: type, payload: payload) } == nil)
    }
}
