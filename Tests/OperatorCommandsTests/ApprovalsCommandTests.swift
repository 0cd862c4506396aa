import ArgumentParser
import Basics
import TestKit
import Testing

@testable import OperatorCommands

/// Command lines in, requests out; answers in, texts and exit codes out.
@Suite struct ApprovalsCommandTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    // MARK: Requests

    @Test func aRequestHasWhatItsOptionsSay() throws {
        let action = try directory.write("\n {\"replicas\": 1.0}\n", to: "action.json")
        let groups = try directory.write(#"[{"name":"security","roles":["security"],"n":2}]"#, to: "groups.json")
        let escalation = try directory.write(#"[{"after":"10m","groups":[{"name":"m","users":["max"]}]}]"#, to: "escalation.json")
        let command = try RequestApprovalCommand.parse([
            "--approval-id", "apr_1", "--remediation-id", "rem_1", "--incident-id", "inc_1", "--title", "Scale \"down\"", "--description",
            "d",
            "--risk", "high", "--action-file", action, "--requested-by", "planner", "--four-eyes", "--expires-in", "10m", "--groups-file",
            groups,
            "--escalation-file", escalation, "--user", "ann", "--tenant", "acme",
        ])
        let event = try command.request(now: Timestamp(millisecondsSinceEpoch: 0)).event
        #expect(
            Self.text(event) == """
                {"type":"approval.requested","payload":{"approvalId":"apr_1","remediationId":"rem_1","incidentId":"inc_1",\
                "title":"Scale \\"down\\"","description":"d","risk":"high","action":{"replicas": 1.0},"requestedBy":"planner","fourEyes":true,\
                "expiresAt":"1970-01-01T00:10:00.000Z","groups":[{"name":"security","roles":["security"],"n":2}],\
                "escalation":[{"after":"10m","groups":[{"name":"m","users":["max"]}]}]},"tenant":"acme","user":"ann"}
                """
        )
    }

    @Test func aRequestWithoutOptionsHasAnIdAndNothingElse() throws {
        let request = try RequestApprovalCommand.parse(["--remediation-id", "rem_1"]).request(now: .now)
        #expect(request.approvalID.hasPrefix("apr_") && request.approvalID.utf8.count == 30)
        let expected =
            "{\"type\":\"approval.requested\",\"payload\":{\"approvalId\":\"\(request.approvalID)\",\"remediationId\":\"rem_1\"}}"
        #expect(Self.text(request.event) == expected)
    }

    @Test(arguments: [
        [], ["--remediation-id", "r", "--expires-in", "1h", "--expires-at", "2030-01-01T00:00:00Z"],
        ["--remediation-id", "r", "--action-file", "-", "--groups-file", "-"], ["--remediation-id", "r", "--four-eyes"],
        ["--remediation-id", "r", "--expires-in", "soon"], ["--remediation-id", "r", "--idempotency-key", ""],
        ["--remediation-id", "r", "--token", "t"],
    ])
    func mistakesInARequest(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try RequestApprovalCommand.parse(arguments) }
    }

    @Test func aFileThatIsNotJSONIsRefused() throws {
        let file = try directory.write("{", to: "action.json")
        #expect(throws: Exit.invalidEvent) { try InputFile.json(file, option: "--action-file") }
        #expect(throws: Exit.invalidEvent) { try InputFile.json("/nowhere", option: "--action-file") }
    }

    @Test func aDecisionHasItsMembersAndItsPath() throws {
        let plain = try ApproveCommand.parse(["planner/eu 1"]).decision.request(.approve)
        #expect(plain.address == "/v1/notifications/approvals/planner%2Feu%201" && plain.method == .post && plain.idempotencyKey == nil)
        #expect(Self.text(plain.body) == #"{"action":"approve"}"#)
        let whole = try RejectCommand.parse([
            "a", "--reason", "no", "--digest", "sha256:0", "--on-behalf-of", "ann", "--idempotency-key", "k",
        ])
        let request = try whole.decision.request(.reject)
        #expect(Self.text(request.body) == #"{"action":"reject","reason":"no","actionDigest":"sha256:0","onBehalfOf":"ann"}"#)
        #expect(request.idempotencyKey == "k")
        #expect(throws: (any Error).self) { try ApproveCommand.parse(["a", "--digest", "d", "--action-file", "f"]) }
        #expect(throws: (any Error).self) { try ApproveCommand.parse(["a/.."]) }
    }

    @Test func aConsumptionHasTheDigest() throws {
        let request = try ConsumeApprovalCommand.parse(["a", "--digest", "sha256:0"]).request()
        #expect(request.address == "/v1/notifications/approvals/a/consume" && Self.text(request.body) == #"{"actionDigest":"sha256:0"}"#)
        #expect(Self.text(try ConsumeApprovalCommand.parse(["a"]).request().body) == "{}")
    }

    @Test func aListAsksForItsPage() throws {
        #expect(try ListApprovalsCommand.parse([]).request.address == "/v1/notifications/approvals?limit=50&sort=created")
        let arguments = ["--status", "pending", "--sort", "deadline", "--limit", "7", "--cursor", "a b"]
        let expected = "/v1/notifications/approvals?limit=7&sort=deadline&status=pending&cursor=a%20b"
        #expect(try ListApprovalsCommand.parse(arguments).request.address == expected)
        #expect(throws: (any Error).self) { try ListApprovalsCommand.parse(["--sort", "risk"]) }
    }

    // MARK: Server and token

    @Test func addressAndTokenComeFromOptionsBeforeTheEnvironment() throws {
        let file = try directory.write("of-the-file\n", to: "token")
        let environment = ["CAUSEWAY_URL": "https://a.example/api/", "CAUSEWAY_TOKEN": "of-the-environment"]
        let plain = try ServerArguments.parse([]).server(environment: environment)
        #expect("\(plain.target)" == "https://a.example/api" && plain.token == "of-the-environment")
        let chosen = try ServerArguments.parse(["--url", "http://b.example:81", "--token-file", file]).server(environment: environment)
        #expect("\(chosen.target)" == "http://b.example:81" && chosen.token == "of-the-file")
        let named = try ServerArguments.parse([]).server(environment: ["CAUSEWAY_TOKEN": "", "CAUSEWAY_TOKEN_FILE": file])
        #expect("\(named.target)" == ServerArguments.defaultURL && named.token == "of-the-file")
    }

    @Test(arguments: [
        (["CAUSEWAY_TOKEN": ""], []), (["CAUSEWAY_TOKEN": "a b"], []), (["CAUSEWAY_TOKEN": "a"], ["--token-file", "/nowhere"]),
        (["CAUSEWAY_TOKEN": "a"], ["--url", "ftp://a"]), (["CAUSEWAY_TOKEN": "a"], ["--ca-file", "/nowhere"]),
    ])
    func whatCannotBeUsed(environment: [String: String], arguments: [String]) throws {
        let arguments = try ServerArguments.parse(arguments)
        #expect(throws: Exit.configuration) { try arguments.server(environment: environment) }
    }

    // MARK: Answers

    @Test(arguments: [(400, 65), (401, 77), (403, 77), (404, 65), (409, 6), (413, 65), (429, 69), (500, 69), (502, 69), (302, 65)])
    func aRefusalHasItsExitCode(status: Int, code: Int32) {
        #expect(ServerRefusal.exitCode(status: status).rawValue == code)
    }

    @Test func aRefusalSaysWhatTheServerSays() throws {
        let target = try Target("http://a.example")
        let body = bytes(#"{"error":"not_approved","message":"Wait.\u001b[2J"}"#)
        let refusal = ServerRefusal(CausewayServer.Answer(status: 409, body: body, requestID: "r"), of: target)
        #expect(refusal.sentence == "Wait.\\u001B[2J (not_approved)" && refusal.code == 6)
        let broken = bytes(#"{"error":"internal","message":"m"}"#)
        let failure = ServerRefusal(CausewayServer.Answer(status: 500, body: broken, requestID: "r"), of: target)
        #expect(failure.sentence == "m (internal, request id r)")
        let strange = ServerRefusal(CausewayServer.Answer(status: 502, body: bytes("<html>")), of: target)
        #expect(strange.sentence == "http://a.example answered 502, and not in Causeway's form: check --url" && strange.code == 69)
    }

    private static let whole = """
        {"approvalId":"apr_1","status":"pending","remediationId":"rem_1","incidentId":null,"title":"Restart",\
        "description":"one\\ntwo","risk":"high","action":{"a":1e400,"b":"\u{202E}"},"actionDigest":"sha256:0","requestedBy":"planner","requestedAt":"2024-04-01T14:32:10.000Z","user":null,\
        "expiresAt":"2024-04-01T15:00:00.000Z","fourEyes":true,"groups":[{"name":"security","roles":["security"],"users":[],"n":2,"approvals":1,\
        "approvedBy":["ann"],"step":null},{"name":"managers","roles":[],"users":["max"],"n":1,"approvals":0,"approvedBy":[],"step":1}],\
        "escalation":[{"after":"10m","at":"2024-04-01T14:42:10.000Z","escalatedAt":null}],"decision":null,"consumption":null,\
        "history":[{"type":"approval.voted","by":"ann","onBehalfOf":null,"at":"2024-04-01T14:33:00.000Z","action":"approve","reason":"ok",\
        "eventId":null}],"events":[]}
        """

    @Test func anApprovalIsShownWhole() throws {
        let body = bytes(Self.whole)
        let shown = ApprovalText.whole(try CausewayServer.decode(ApprovalAnswer.self, body), body: body)
        #expect(
            shown == """
                apr_1: pending
                  title        Restart
                  description  one
                               two
                  risk         high
                  remediation  rem_1
                  requested    2024-04-01T14:32:10.000Z by planner
                  expires      2024-04-01T15:00:00.000Z
                  four eyes    yes
                  digest       sha256:0
                  action       {"a":1e400,"b":"\\u202E"}
                  group        security 1 of 2 (ann)
                  group        managers 0 of 1, added by escalation 1
                  escalation   after 10m, due 2024-04-01T14:42:10.000Z
                  history      2024-04-01T14:33:00.000Z approval.voted approve by ann (ok)
                """
        )
    }

    @Test func aLineOfAListCannotBeginAnother() throws {
        var approval = try CausewayServer.decode(ApprovalAnswer.self, bytes(Self.whole))
        approval.title = "Harmless\napproved  apr_2"
        #expect(
            ApprovalText.line(approval) == """
                pending  apr_1  risk high  security 1 of 2 (ann), managers 0 of 1, added by escalation 1  expires 2024-04-01T15:00:00.000Z  \
                Harmless\\u000Aapproved  apr_2
                """
        )
    }

    @Test(arguments: [
        (
            #"{"approvalId":"a","status":"approved","action":"approve","remediationId":"r","decidedBy":"ann","decidedAt":"t"}"#,
            "approved: a by ann at t"
        ),
        (
            """
            {"approvalId":"a","status":"pending","action":"approve","votedBy":"bob","onBehalfOf":"ann","votedAt":"t",\
            "groups":[{"name":"g","n":2,"approvals":1,"approvedBy":["ann"],"step":null}]}
            """,
            "vote counted: a is still pending; in the place of ann; g 1 of 2 (ann)"
        ),
    ])
    func theAnswerToADecision(body: String, text: String) throws {
        #expect(ApprovalText.decided(try CausewayServer.decode(DecisionAnswer.self, bytes(body))) == text)
    }

    @Test func anotherServersAnswerIsNotDecoded() {
        #expect(throws: Exit.unavailable) { try CausewayServer.decode(ApprovalAnswer.self, bytes("{}")) }
    }

    // MARK: Digests

    @Test func eachLineHasADigest() throws {
        var digests: [String] = []
        try DigestCommand.digests(bytes("{\"a\":1}\n2\n"), lines: true) { digests.append($0) }
        #expect(digests.count == 2)
        let error = #expect(throws: Basics.ValidationError.self) { try DigestCommand.digests(bytes("1\n\n3"), lines: true) { _ in } }
        #expect(error?.field == "line 2")
    }
}

/// Waiting, on a clock that does not.
@Suite struct ApprovalWaitTests {
    private typealias Answer = CausewayServer.Answer

    private static func answer(_ status: String) -> Answer {
        let members = #""approvalId":"a","remediationId":"r","requestedAt":"t""#
        return Answer(status: 200, body: bytes(#"{"status":"\#(status)",\#(members)}"#))
    }

    /// Answers in order, the last one again and again, and reports how long the waiting took.
    private static func wait(
        _ answers: [Answer?],
        timeout: Duration? = nil
    ) async throws -> (status: String, waited: Duration) {
        let clock = SteppingClock()
        let target = try Target("http://a.example")
        var rest = answers[...]
        let (_, approval) = try await WaitForApprovalCommand.decided(
            clock: clock,
            timeout: timeout,
            interval: .seconds(2)
        ) { () throws(CausewayServer.Unreachable) in
            let next = rest.count > 1 ? rest.removeFirst() : rest.first ?? nil
            guard let next else { throw CausewayServer.Unreachable(sentence: "away") }
            return next
        } refusal: {
            ServerRefusal($0, of: target)
        }
        return (approval.status, clock.now.offset)
    }

    @Test func theAnswerIsTheFirstThatIsNotPending() async throws {
        for status in ["approved", "rejected", "expired"] {
            let (found, waited) = try await Self.wait([Self.answer("pending"), Self.answer("pending"), Self.answer(status)])
            #expect(found == status && waited == .seconds(4))
        }
    }

    @Test func anOutageIsWaitedOut() async throws {
        var busy = Answer(status: 503, body: bytes(#"{"error":"service_unavailable","message":"m"}"#))
        busy.retryAfter = .seconds(7)
        let (found, waited) = try await Self.wait([nil, busy, Self.answer("approved")])
        #expect(found == "approved" && waited == .seconds(9))
    }

    @Test func atTheTimeoutItIsAskedOnceMore() async throws {
        let (found, waited) = try await Self.wait([Self.answer("pending")], timeout: .seconds(5))
        #expect(found == "pending" && waited == .seconds(5))
        await #expect(throws: Exit.unavailable) { try await Self.wait([nil], timeout: .seconds(5)) }
    }

    @Test func aRefusalEndsTheWait() async throws {
        let unknown = Answer(status: 404, body: bytes(#"{"error":"not_found","message":"m"}"#))
        await #expect(throws: Exit.invalidEvent) { try await Self.wait([unknown]) }
    }

    @Test func theExitCodeSaysHowItEnded() {
        #expect(
            ["approved", "rejected", "expired", "pending"].map { WaitForApprovalCommand.exitCode(status: $0)?.rawValue } == [nil, 3, 4, 5]
        )
    }
}
