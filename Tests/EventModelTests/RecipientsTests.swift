import Basics
import TestKit
import Testing

@testable import EventModel

/// Who may see an event, and how that is read from an event and its message (contract §2, §12).
@Suite struct RecipientsTests {
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)

    private static func request(_ user: String?, _ members: String = "") throws -> Event {
        let payload = try Payload(validating: bytes(#"{"approvalId":"a","remediationId":"r"\#(members)}"#))
        return Event(
            id: "e",
            tenant: "acme",
            type: EventCatalogue.approvalRequest,
            user: try user.map { try UserID($0) },
            time: time,
            payload: payload
        )
    }

    private static func names(_ count: Int, from first: Int = 0) -> String {
        (first..<first + count).map { #""u\#($0)""# }.joined(separator: ",")
    }

    private func decode(_ subject: String, _ headers: [String: String], _ body: String) throws -> Event {
        try NATSBinding.event(subject: subject, body: bytes(body), fallbackID: "7", storedAt: Self.time, AttributeFields(headers))
    }

    // MARK: The rule

    @Test func everyoneIsEveryoneOfTheTenant() {
        #expect(Recipients.everyone.areEveryone && Recipients.everyone.includes("ann") && Recipients.everyone.includes(nil))
        #expect(Recipients.everyone.users.isEmpty && Recipients(nil) == .everyone)
    }

    @Test func aUserIsAloneUnlessThereAreOthers() throws {
        let one = Recipients("ann")
        #expect(one.includes("ann") && !one.includes("bob") && !one.includes(nil) && !one.areEveryone && one.users == ["ann"])
        let several = try #require(Recipients("ann", and: ["cyn", "bob", "ann", "cyn"]))
        #expect(several.users == ["ann", "bob", "cyn"], "the addressee first, then the others in order, each once")
        #expect(several.includes("bob") && several.includes("cyn") && !several.includes("dan") && !several.includes(nil))
        #expect(several == Recipients("ann", and: ["bob", "cyn"]))
        #expect(Recipients("ann", and: ["ann"]) == one)
    }

    /// Byte for byte, as all identifiers.
    @Test func namesAreComparedByteForByte() throws {
        let several = try #require(Recipients("ann", and: ["\u{E9}"]))
        #expect(several.includes("\u{E9}") && !several.includes("e\u{301}"))
    }

    @Test func theOthersAreBounded() throws {
        let users = (0...Recipients.maximumOthers).map { UserID(generated: "u\($0)") }
        #expect(Recipients("ann", and: users) == nil)
        #expect(Recipients("ann", and: users.dropLast())?.others.count == Recipients.maximumOthers)
        #expect(Recipients("u0", and: users)?.others.count == Recipients.maximumOthers, "the addressee is no further user")
    }

    /// Most events allocate nothing for it, and an entry takes one pointer more than for one user.
    @Test func mostEventsCostOnePointer() throws {
        #expect(MemoryLayout<Recipients>.size <= MemoryLayout<UserID?>.size + MemoryLayout<UnsafeRawPointer>.size)
        #expect(Recipients.everyone.heapBytes == 0 && Recipients("ann").heapBytes == 0)
        let long = try UserID(String(repeating: "x", count: 100))
        #expect(Recipients(long).heapBytes >= 100)
        #expect(try #require(Recipients("ann", and: [long])).heapBytes >= 100 + MemoryLayout<UserID>.stride)
    }

    // MARK: Requests

    @Test func aPrivateRequestIsForThoseWhomItsGroupsName() throws {
        let members =
            #","requestedBy":"rita","groups":[{"name":"g","users":["nina","ann"]},{"name":"h","roles":["r"],"users":["nora"]}],"#
            + #""escalation":[{"after":"1m","groups":[{"name":"s","users":["lea","nina"]}]},"#
            + #"{"after":"2m","groups":[{"name":"t","roles":["x"]}]}]"#
        #expect(try Self.request("ann", members).recipients == Recipients("ann", and: ["lea", "nina", "nora"]), "steps from the beginning")
        #expect(try Self.request(nil, members).recipients == .everyone, "without a user it is for everyone, whomever it names")
        #expect(try Self.request("ann").recipients == Recipients("ann"))
    }

    /// Fails closed: malformed groups make nobody a recipient.
    @Test(arguments: [
        #","groups":[{"name":"g","users":["nina"],"n":2}]"#, #","groups":[{"name":"g","users":["nina",7]}]"#, #","groups":"nina""#,
        #","groups":[{"name":"g","users":[\#(names(65))]}]"#,
    ])
    func aMalformedRequestIsForItsUserAlone(_ members: String) throws {
        #expect(try Self.request("ann", members).recipients == Recipients("ann"))
    }

    @Test func anotherTypeNamesNobody() throws {
        let payload = try Payload(validating: bytes(#"{"groups":[{"name":"g","users":["nina"]}]}"#))
        let event = Event(id: "e", tenant: "acme", type: try EventType("a.b"), user: "ann", time: Self.time, payload: payload)
        #expect(event.recipients == Recipients("ann"))
    }

    /// At the intake, with the path of the first name too many; without a user there is no such bound.
    @Test(arguments: [
        (#","groups":[{"name":"g","users":[\#(names(65))]}]"#, "groups[0].users[64]"),
        (#","groups":[{"name":"g","users":["ann",\#(names(65))]}]"#, "groups[0].users[65]"),
        (#","groups":[{"name":"g","users":[\#(names(40))]},{"name":"h","users":[\#(names(40, from: 25))]}]"#, "groups[1].users[39]"),
        (
            #","groups":[{"name":"g","users":[\#(names(64))]}],"escalation":[{"after":"1m","groups":[{"name":"s","users":["u1","lea"]}]}]"#,
            "escalation[0].groups[0].users[1]"
        ),
    ])
    func tooManyAreRefusedAtTheIntake(_ members: String, _ path: String) throws {
        let request = #"{"approvalId":"a","remediationId":"r"\#(members)}"#
        let native = #"{"type":"approval.requested","user":"ann","payload":\#(request)}"#
        #expect(fault { try EventIntake.events(native: bytes(native)) }?.field == "payload.\(path)")
        let cloudEvent = #"{"specversion":"1.0","id":"1","source":"s","type":"approval.requested","userid":"ann","data":\#(request)}"#
        #expect(fault { try EventIntake.event(structured: bytes(cloudEvent)) }?.field == "data.\(path)")
        let shared = #"{"type":"approval.requested","payload":\#(request)}"#
        #expect(try EventIntake.events(native: bytes(shared)).count == 1)
        let fewer = request.replacing("\"u1\",", with: "").replacing("\"u21\",", with: "")
        #expect(try EventIntake.events(native: bytes(#"{"type":"approval.requested","user":"ann","payload":\#(fewer)}"#)).count == 1)
    }

    // MARK: Messages

    private static let following = [
        "approval.voted", "approval.escalated", "approval.resolved", "approval.consumed", "remediation.approved", "remediation.rejected",
    ]
    private static let body =
        #"{"approvalId":"a","remediationId":"r","action":"approve","votedBy":"v","consumedBy":"c","step":1,"#
        + #""groups":[{"name":"g","users":["nina"]}]}"#

    @Test(arguments: following) func whatFollowsHasThemInItsHeader(_ type: String) throws {
        for others in [["nina"], ["nora", "a,b", "%2C", "ü\"", " "], (0..<64).map { "u\($0)" }] as [[String]] {
            var event = try decode("events.acme.\(type)", ["ce-userid": "ann"], Self.body)
            let users = try others.map { try UserID($0) }
            event.recipients = try #require(Recipients("ann", and: users))
            let headers = NATSBinding.headers(of: event)
            let value = try #require(headers.first { $0.name == "causeway-recipients" }?.value)
            #expect(value.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "nothing that could end a header")
            let read = try NATSBinding.event(
                subject: "events.acme.DECISION.a",
                body: event.payload.bytes,
                fallbackID: "7",
                storedAt: Self.time,
                AttributeFields(headers)
            )
            #expect(read == event && read.recipients == event.recipients)
        }
        let plain = try decode("events.acme.\(type)", ["ce-userid": "ann"], Self.body)
        #expect(plain.recipients == Recipients("ann"), "its payload names nobody")
    }

    @Test func aRequestAndMostEventsHaveNoSuchHeader() throws {
        let request = try Self.request("ann", #","groups":[{"name":"g","users":["nina"]}]"#)
        for event in [request, try Self.request(nil), try decode("events.acme.a.b", ["ce-userid": "ann"], "{}")] {
            #expect(!NATSBinding.headers(of: event).contains { $0.name == Recipients.header })
        }
        let fields = try AttributeFields(NATSBinding.headers(of: request))
        let read = try NATSBinding.event(
            subject: "events.acme.approval.requested",
            body: request.payload.bytes,
            fallbackID: "7",
            storedAt: Self.time,
            fields
        )
        #expect(read.recipients == Recipients("ann", and: ["nina"]), "they are in its payload")
    }

    private static let tooMany = (0..<65).map { "u\($0)" }.joined(separator: ",")

    @Test(arguments: [
        ("a.b", "nina"), ("approval.requested", "nina"), ("remediation.executed", "nina"), ("approval.resolved", ""),
        ("approval.resolved", "nina,"), ("approval.resolved", "%FF"), ("approval.resolved", "%0A"), ("approval.resolved", "100%"),
        ("approval.resolved", tooMany),
    ])
    func anotherHeaderIsNoEvent(_ type: String, _ value: String) {
        let headers = ["ce-userid": "ann", "Causeway-Recipients": value]
        #expect(fault { try decode("events.acme.\(type)", headers, Self.body) }?.field == "causeway-recipients")
    }

    @Test func onlyAnEventWithAUserHasFurtherRecipients() {
        let headers = ["causeway-recipients": "nina"]
        #expect(fault { try decode("events.acme.approval.resolved", headers, Self.body) }?.field == "causeway-recipients")
    }

    /// A producer over HTTP cannot set them: the header is the log's own, as that of the intake time.
    @Test func theIntakeIgnoresTheHeader() throws {
        let fields = try AttributeFields([
            "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "approval.resolved", "ce-userid": "ann",
            "causeway-recipients": "nina",
        ])
        let event = try EventIntake.event(binary: bytes(Self.body), fields).resolve(tenant: "acme", id: "x", time: Self.time)
        #expect(event.recipients == Recipients("ann"))
    }

    @Test func theyAreContent() throws {
        var event = try decode("events.acme.approval.resolved", ["ce-userid": "ann"], Self.body)
        let stored = event
        #expect(event.hasSameContent(as: stored) && event.hasSameContent(as: stored, takenInAt: Self.time))
        event.recipients = try #require(Recipients("ann", and: ["nina"]))
        #expect(!event.hasSameContent(as: stored) && !event.hasSameContent(as: stored, takenInAt: Self.time) && event != stored)
    }
}
