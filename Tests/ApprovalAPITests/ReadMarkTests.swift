import EventModel
import Testing

@testable import approval_api

@Suite struct ReadMarkTests {
    @Test(arguments: [ReadMark.Extent.one(7), .through(.max)])
    func isReadBack(_ extent: ReadMark.Extent) throws {
        let mark = ReadMark(tenant: "acme inc.", user: "ann@example.com", epoch: 65_535, extent: extent, readAt: Fixture.time)
        #expect(mark.subject == "inbox.acme=20inc=2E.ann=40example=2Ecom")
        #expect(ReadMark(subject: mark.subject, body: try mark.body()) == mark)
    }

    @Test(arguments: [
        ("inbox.a.b", "{}"), ("inbox.a.b", "x"), ("inbox.a.b", #"{"epoch":1,"at":1}"#),
        ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":1,"through":2}"#),
        ("inbox.a.b", #"{"epoch":70000,"at":1,"sequence":1}"#), ("inbox.a.b", #"{"epoch":1,"at":1,"sequence":-1}"#),
        ("inbox.a", #"{"epoch":1,"at":1,"sequence":1}"#), ("inbox.a.b.c", #"{"epoch":1,"at":1,"sequence":1}"#),
        ("inbox.=x.b", #"{"epoch":1,"at":1,"sequence":1}"#),
    ])
    func otherMessagesAreNoMarks(_ subject: String, _ body: String) {
        #expect(ReadMark(subject: subject, body: Array(body.utf8)) == nil)
    }
}
