import Basics
import EventModel
import Testing

@testable import approval_api

@Suite struct ReadMarkTests {
    @Test(arguments: [ReadMark.Extent.one(7), .through(UInt64(Int64.max))])
    func isReadBack(_ extent: ReadMark.Extent) throws {
        let mark = ReadMark(
            tenant: Tenant(generated: "acme inc."),
            user: UserID(generated: "ann@example.com"),
            epoch: 65_535,
            extent: extent,
            readAt: Fixture.time
        )
        #expect(mark.subject == "inbox.acme=20inc=2E.ann=40example=2Ecom")
        #expect(ReadMark(subject: mark.subject, body: try mark.body()) == mark)
    }

    /// It contains the event's time of intake; older marks lack it, and are still valid.
    @Test func namesTheIntakeOfItsEvent() throws {
        var mark = ReadMark(
            tenant: Fixture.acme,
            user: UserID(generated: "ann"),
            epoch: 7,
            extent: .one(3),
            readAt: Fixture.time,
            intake: Fixture.later(3)
        )
        let read = try #require(ReadMark(subject: mark.subject, body: try mark.body()))
        #expect(read == mark && read.intake == Fixture.later(3))
        mark.intake = nil
        #expect(ReadMark(subject: mark.subject, body: Array(#"{"epoch":7,"at":1700000000000,"sequence":3}"#.utf8)) == mark)
    }

    @Test(arguments: [
        ("inbox.a.b", "{}"), ("inbox.a.b", "x"), ("inbox.a.b", #"{"epoch":1,"at":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1,"through":2}"#),
        ("inbox.a.b", #"{"epoch":70000,"at":1,"sequence":1}"#), ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":-1}"#),
        ("inbox.a", #"{"epoch":1,"at":1,"sequence":1}"#), ("inbox.a.b.c", #"{"epoch":1,"at":1,"sequence":1}"#),
        ("inbox.=x.b", #"{"epoch":1,"at":1,"sequence":1}"#),
        // Invalid numbers, which any program on the bus can write.
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":9223372036854775808}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"through":18446744073709551615}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"through":18446744073709551616}"#), ("inbox.a.b", #"{"epoch":-1,"at":1,"sequence":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":9223372036854775807,"sequence":1}"#), ("inbox.a.b", #"{"epoch":1,"at":-1,"sequence":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":-9223372036854775808,"sequence":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":281474976710656,"sequence":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1,"intake":-1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1,"intake":281474976710656}"#),
        // A duplicate member, a second document, another encoding.
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1,"sequence":2}"#), ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1}{}"#),
        ("inbox.a.b", "\u{FEFF}{\"epoch\":1,\"at\":1,\"sequence\":1}"),
        // Names that break the rules.
        ("inbox.a=00.b", #"{"epoch":1,"at":1,"sequence":1}"#), ("inbox.a.b=0A", #"{"epoch":1,"at":1,"sequence":1}"#),
    ])
    func otherMessagesAreNoMarks(_ subject: String, _ body: String) {
        #expect(ReadMark(subject: subject, body: Array(body.utf8)) == nil)
    }
}
