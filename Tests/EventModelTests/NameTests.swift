import Basics
import EventModel
import TestKit
import Testing

@Suite struct TenantTests {
    @Test(arguments: ["a", "ten_EXAMPLE_ABC123", "ws 01.abc>*", "日本", String(repeating: "x", count: 256), "\"quoted\""])
    func accepts(_ name: String) throws {
        #expect(try Tenant(name).text == name)
    }

    @Test(arguments: [
        "", "a\nb", "a\rb", "a\0", "a\u{7F}", "a\u{85}b", String(repeating: "x", count: 257), String(repeating: "é", count: 129),
    ])
    func refuses(_ name: String) {
        #expect(fault { try Tenant(name) }?.field == "tenant")
    }

    @Test func comparesBytes() throws {
        let composed = Tenant("caf\u{E9}")
        let decomposed = Tenant("cafe\u{301}")
        #expect(composed.text == decomposed.text, "Swift strings are equal here, which is why tenants must not compare as strings")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(Set([composed, Tenant("caf\u{E9}")]).count == 1)
    }
}

@Suite struct EventTypeTests {
    @Test(arguments: [
        "a.b", "investigation.progress", "issue.status.changed", "a1.b_2.c", "stream.gap", "x." + String(repeating: "y", count: 126),
    ])
    func accepts(_ name: String) throws {
        #expect(try EventType(name).name == name)
    }

    @Test(arguments: [
        "", "a", "A.b", "a.B", ".a", "a.", "a..b", "a.1b", "_a.b", "a._b", "a b.c", "a-b.c", "a.b\n", "a.b\r\nid: x", "é.b", "a.*", "a.>",
        "x." + String(repeating: "y", count: 127),
    ])
    func refuses(_ name: String) {
        #expect(fault { try EventType(name) }?.field == "type")
    }

    @Test(arguments: ["ping", "heartbeat", "connected"])
    func namesReservedWords(_ name: String) throws {
        let error = try #require(fault { try EventType(name) })
        #expect(error.message.contains("reserved"))
    }

    @Test(arguments: [
        ("stream.gap", true), ("stream.end.now", true), ("streams.gap", false), ("live.stream", false), ("tenant.created", false),
    ])
    func knowsReservedPrefix(_ name: String, _ isReserved: Bool) throws {
        #expect(try EventType(name).isReserved == isReserved)
    }
}

@Suite struct TypeFilterTests {
    @Test(arguments: [
        ("investigation.*", "investigation.progress", true),
        ("investigation.*", "investigations.progress", false),
        ("issue.*", "issue.status.changed", true),
        ("issue.status.*", "issue.status.changed", true),
        ("issue.status.*", "issue.status", false),
        ("approval.requested", "approval.requested", true),
        ("approval.requested", "approval.requested.twice", false),
        ("approval.requested", "approval.resolved", false),
        ("investigation.*,approval.requested", "approval.requested", true),
        ("investigation.*,approval.requested", "investigation.completed", true),
        ("investigation.*,approval.requested", "incident.created", false),
    ])
    func matches(_ query: String, _ type: String, _ expected: Bool) throws {
        #expect(try TypeFilter(query: query).matches(EventType(type)) == expected)
    }

    @Test(arguments: [
        "", ",", "a.b,", ",a.b", "*", ".*", "a*", "a.b*", "a.*.b", "a.*.*", "A.*", "a", "a.b, c.d", "a.b;c.d", "a.>", "ping",
        Array(repeating: "a.b", count: 65).joined(separator: ","),
        String(repeating: ",", count: 100_000),
        String(repeating: "a", count: 127) + ".*",
    ])
    func refuses(_ query: String) {
        #expect(fault { try TypeFilter(query: query) }?.field == "types")
    }

    @Test func takesSixtyFour() throws {
        let names = (0..<64).map { "a.b\($0)" }
        let filter = try TypeFilter(query: names.joined(separator: ","))
        for name in names { #expect(try filter.matches(EventType(name))) }
    }

    @Test func orderAndRepetitionDoNotMatter() throws {
        #expect(try TypeFilter(query: "a.*,b.c,d.*,b.c") == TypeFilter(query: "b.c,d.*,a.*"))
    }
}
