import ArgumentParser
import Basics
import Testing

@testable import OperatorCommands

/// Command lines in, requests out; answers in, texts out.
@Suite struct WebhooksCommandTests {
    private static let id = "whk_01HX9VTPQR3KF8MZWBYD5N6JCE"

    private static func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test func anEndpointHasWhatItsOptionsSay() throws {
        let plain = try CreateEndpointCommand.parse(["https://a.example/h", "--types", "load.*,a.b"]).request
        #expect(plain.method == .post && plain.address == "/v1/webhooks" && plain.idempotencyKey == nil)
        #expect(Self.text(plain.body) == #"{"url":"https://a.example/h","types":["load.*","a.b"]}"#)
        let whole = try CreateEndpointCommand.parse([
            "https://a.example", "--types", "a.b", "--description", "d", "--parallel", "--user", "ann", "--idempotency-key", "k",
        ]).request
        #expect(Self.text(whole.body) == #"{"url":"https://a.example","types":["a.b"],"description":"d","ordered":false,"user":"ann"}"#)
        #expect(whole.idempotencyKey == "k")
    }

    @Test func aChangeHasOnlyWhatIsGiven() throws {
        let request = try UpdateEndpointCommand.parse([Self.id, "--no-ordered", "--description", "", "--types", "a.b", "--no-enabled"])
            .request
        #expect(request.method == .patch && request.address == "/v1/webhooks/\(Self.id)")
        #expect(Self.text(request.body) == #"{"types":["a.b"],"description":null,"ordered":false,"enabled":false}"#)
        let moved = try UpdateEndpointCommand.parse([Self.id, "--endpoint-url", "https://b.example", "--url", "http://c.example"])
        #expect(Self.text(moved.request.body) == #"{"url":"https://b.example"}"#)
        #expect(moved.server.url == "http://c.example")
    }

    @Test func aListAsksForItsPage() throws {
        #expect(try ListEndpointsCommand.parse([]).request.address == "/v1/webhooks?limit=200")
        #expect(
            try ListEndpointsCommand.parse(["--limit", "1", "--cursor", Self.id]).request.address
                == "/v1/webhooks?limit=1&cursor=\(Self.id)"
        )
    }

    @Test func aReplayBeginsAtAnEventOrATime() throws {
        let now = Timestamp(millisecondsSinceEpoch: 3_600_000)
        let event = "evt_01HX9VTPQR0080000000000042"
        let from = try ReplayEndpointCommand.parse([Self.id, "--from", event]).request(now: now)
        #expect(from.address == "/v1/webhooks/\(Self.id)/replay" && Self.text(from.body) == #"{"from":"\#(event)"}"#)
        let since = try ReplayEndpointCommand.parse([Self.id, "--since", "1h"]).request(now: now)
        #expect(Self.text(since.body) == #"{"since":"1970-01-01T00:00:00.000Z"}"#)
        let asked = try ReplayEndpointCommand.parse([Self.id, "--from", event, "--dry-run"]).request(now: now)
        #expect(asked.method == .get && asked.address == "/v1/webhooks/\(Self.id)/replay?from=\(event)" && asked.body == nil)
    }

    @Test func aReplayTellsWhatItSends() throws {
        func told(_ events: Int, more: Bool) throws -> String {
            let body = #"{"from":"evt_1","to":"evt_2","events":\#(events),"more":\#(more)}"#
            return EndpointText.preview(try CausewayServer.decode(ReplayPreviewAnswer.self, bytes(body)))
        }
        #expect(try told(1, more: false) == "1 event, from behind evt_1 to evt_2")
        #expect(try told(1000, more: true) == "more than 1000 events, from behind evt_1 to evt_2")
    }

    @Test func oneEventIsSentAgain() throws {
        let event = "evt_01HX9VTPQR0080000000000042"
        let request = try ResendEventCommand.parse([Self.id, event]).request
        #expect(request.method == .post && request.address == "/v1/webhooks/\(Self.id)/resend")
        #expect(Self.text(request.body) == #"{"event":"\#(event)"}"#)
    }

    @Test(arguments: [
        ["create", "https://a.example"], ["create", "--types", "a.b"], ["create", "https://a.example", "--types", ""],
        ["create", "https://a.example", "--types", "a.b,B"], ["show"], ["show", "x"], ["show", "../tokens"], ["update", Self.id],
        ["update", Self.id, "--types", ","], ["replay", Self.id],
        ["replay", Self.id, "--from", "x"], ["replay", Self.id, "--since", "soon"],
        ["replay", Self.id, "--since", "1h", "--from", "evt_01HX9VTPQR0080000000000042"], ["delete", Self.id, "--token", "t"],
        ["resend", Self.id], ["resend", Self.id, "x"], ["resend", "x", "evt_01HX9VTPQR0080000000000042"],
    ])
    func mistakes(arguments: [String]) {
        #expect(throws: (any Error).self) { try WebhooksCommand.parseAsRoot(arguments) }
    }

    private static let failing = """
        {"id":"whk_1","url":"https://a.example/h","types":["load.*","a.b"],"description":"Chat\\nops","ordered":true,"user":null,\
        "createdAt":"2024-04-01T14:00:00.000Z","state":{"name":"failing","since":"2024-04-01T14:32:10.000Z","failures":2,\
        "retryAt":"2024-04-01T14:37:10.000Z","reason":null},"cursor":"evt_1",\
        "replay":{"requestedAt":"2024-04-01T14:00:00.000Z","from":"evt_0","to":"evt_2"}}
        """

    @Test func anEndpointIsShownWhole() throws {
        let endpoint = try CausewayServer.decode(EndpointAnswer.self, bytes(Self.failing))
        #expect(
            EndpointText.whole(endpoint) == """
                whk_1: failing
                  url          https://a.example/h
                  types        load.*, a.b
                  description  Chat\\u000Aops
                  delivery     one event at a time, in order
                  created      2024-04-01T14:00:00.000Z
                  since        2024-04-01T14:32:10.000Z
                  trouble      2 failures, next attempt 2024-04-01T14:37:10.000Z
                  cursor       evt_1
                  replay       requested 2024-04-01T14:00:00.000Z, from behind evt_0 to evt_2
                """
        )
        #expect(
            EndpointText.line(endpoint)
                == "failing  whk_1  https://a.example/h  load.*,a.b  2 failures, next attempt 2024-04-01T14:37:10.000Z  Chat\\u000Aops"
        )
    }

    @Test func anAttemptIsALine() throws {
        let body = """
            {"attempts":[{"id":"evt_2","type":"a.b","startedAt":"t","durationMs":12,"status":500,"answer":"<b>\\n","nextAttemptAt":"u"},\
            {"id":"evt_1","type":"a.b","startedAt":"s","durationMs":15000,"error":"timed_out","message":"late"}]}
            """
        let list = try CausewayServer.decode(AttemptList.self, bytes(body))
        #expect(
            list.attempts.map(EndpointText.line) == ["t  evt_2  a.b  500  12 ms  next u  <b>\\u000A", "s  evt_1  a.b  late  15000 ms"]
        )
    }

    @Test func aTestTellsHowItEnded() throws {
        func told(_ delivered: Bool, _ attempt: String) throws -> String {
            let members = #""id":"evt_1","type":"webhook.ping","startedAt":"t","durationMs":3"#
            let body = #"{"delivered":\#(delivered),"attempt":{\#(members),\#(attempt)}}"#
            return EndpointText.tested(try CausewayServer.decode(AttemptResultAnswer.self, bytes(body)))
        }
        #expect(try told(true, #""status":204,"answer":"""#) == "delivered: 204 after 3 ms")
        #expect(try told(false, #""status":500,"answer":"no""#) == "not delivered: 500 after 3 ms  no")
        #expect(try told(false, #""error":"unreachable""#) == "not delivered: unreachable after 3 ms")
    }
}
