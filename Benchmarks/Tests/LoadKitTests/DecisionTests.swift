import Testing

@testable import LoadKit

@Suite struct DecisionLedgerTests {
    private let batch = ApprovalBatch(tenant: "t", count: 2, hasGroup: false, secret: "s")

    private func ledger(_ subjects: String) throws -> DecisionLedger {
        try DecisionLedger(
            streamInfo: Array(
                #"{"config":{"subjects":["events.\u003e"]},"state":{"messages":9,\#(subjects)"consumer_count":1},"ts":"x"}"#.utf8
            )
        )
    }

    private func counted(_ counts: KeyValuePairs<String, Int>) throws -> DecisionLedger {
        try ledger(#""subjects":{"# + counts.map { #""events.t.DECISION.\#($0)":\#($1)"# }.joined(separator: ",") + "},")
    }

    @Test func oneDecisionAndOneEffectForEachIsExact() throws {
        let ledger = try counted(["apr-1": 1, "apr-1.EFFECT": 1, "apr-2": 1, "apr-2.EFFECT": 1])
        #expect(ledger.counts.count == 4)
        #expect(try ledger.verdict(on: batch) == .exact)
    }

    @Test func whatIsNotThereYetIsCounted() throws {
        #expect(try ledger("").verdict(on: batch) == .incomplete(4))
        #expect(try counted(["apr-1": 1, "apr-2": 1, "apr-2.EFFECT": 1]).verdict(on: batch) == .incomplete(1))
    }

    @Test(arguments: ["apr-1", "apr-1.EFFECT"])
    func whatIsThereTwiceIsSaidSo(subject: String) throws {
        let ledger = try ledger(#""subjects":{"events.t.DECISION.\#(subject)":2},"#)
        #expect(throws: LoadError.self) { try ledger.verdict(on: batch) }
    }

    @Test(arguments: ["events.t.DECISION.apr-3", "events.t.DECISION.apr-1.OTHER", "events.u.DECISION.apr-1"])
    func whatNobodyAskedForIsSaidSo(subject: String) throws {
        let ledger = try ledger(#""subjects":{"\#(subject)":1},"#)
        #expect(throws: LoadError.self) { try ledger.verdict(on: batch) }
    }

    @Test(arguments: ["", "NATS/1.0 503\r\n\r\n", #"{"error":{"code":404}}"#, #"{"subjects":{"a":x}}"#])
    func whatSaysNothingIsSaidSo(answer: String) {
        #expect(throws: LoadError.self) { try DecisionLedger(streamInfo: Array(answer.utf8)) }
    }
}

@Suite struct ApprovalBatchTests {
    private let batch = ApprovalBatch(tenant: "t", count: 45, hasGroup: false, secret: "s")

    @Test func everyApprovalIsDecidedOnce() throws {
        let requests = batch.decisions.map { String(decoding: $0.request, as: UTF8.self) }
        #expect(requests.count == 45)
        #expect(Set(requests).count == 45)
        #expect(batch.decisions.allSatisfy { $0.status == 200 })
        let first = try #require(requests.first)
        #expect(first.hasPrefix("POST /v1/notifications/approvals/apr-1 HTTP/1.1\r\n"))
        #expect(first.contains("\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"action\":\"approve\"}"))
    }

    @Test func someAreDecidedAgain() {
        #expect((20...45).contains(batch.repetitions.count))
        #expect(batch.repetitions.allSatisfy { $0.status == 409 })
        #expect(ApprovalBatch(tenant: "t", count: 3, hasGroup: false, secret: "s").repetitions.count == 3)
    }

    @Test func everyClientLooksAtTheLast() {
        let looks = batch.looks(clients: 3)
        #expect(looks.count == 3)
        #expect(looks.allSatisfy { String(decoding: $0.request, as: UTF8.self).hasPrefix("GET /v1/notifications/approvals/apr-45 ") })
    }

    @Test func figuresAreThoseOfTheirUnits() {
        var tally = ExchangeTally()
        for _ in 0..<100 { tally.latency.record(4_000_000) }
        tally.wall = 500_000_000
        let figures = DecisionFigures(
            tally: tally,
            deciding: Usage(server: 250_000_000, load: 50_000_000, waited: 5_000_000),
            processor: 300_000_000
        )
        #expect(figures.decisionsPerSecond == 200)
        #expect(figures.processorPerDecision == 3000)
        #expect(figures.processorShare == 50)
        #expect(figures.clientShare == 10)
        #expect(figures.waitedShare == 1)
        #expect(figures.latency(0.99) == 4)
    }

    @Test func theTableHasAColumnForEachNumberOfClients() throws {
        var report = DecisionReport(options: try DecisionOptionsTests.options(DecisionOptionsTests.needed + " --clients 1,8"))
        var tally = ExchangeTally()
        tally.latency.record(1_000_000)
        tally.wall = 1_000_000
        report.figures[8] = [DecisionFigures(tally: tally, deciding: Usage(server: 0, load: 0, waited: 0), processor: 1_000_000)]
        let rows = report.table.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace) }
        #expect(rows.contains(["1", "client", "8", "clients"]))
        #expect(rows.contains(["decisions", "a", "second", "–", "1,000"]))
        #expect(rows.contains(["latency", "p99,", "ms", "–", "1.00"]))
    }
}

@Suite struct DecisionOptionsTests {
    static let needed = "--edge 1 --edge-pid 7 --nats 2 --secret s"

    static func options(_ text: String, secret: String? = nil) throws -> DecisionOptions {
        try DecisionOptions(arguments: text.split(separator: " ").map(String.init)) { $0 == "AUTH_HS256_SECRET" ? secret : nil }
    }

    @Test func everyOptionIsRead() throws {
        let options = try Self.options(
            "--edge 127.0.0.1:8084 --edge-pid 7 --nats 4222 --secret s --clients 4,2 --approvals 50 --rounds 2 --tenant t-1"
        )
        #expect(options.address.port == 8084)
        #expect(options.processID == 7)
        #expect(options.bus == (try SocketAddress("127.0.0.1:4222")))
        #expect(options.secret == "s")
        #expect(options.clients == [4, 2])
        #expect(options.approvals == 50)
        #expect(options.rounds == 2)
        #expect(options.tenantName == "t-1")
    }

    @Test func theSecretMayComeFromTheEnvironment() throws {
        #expect(try Self.options("--edge 1 --edge-pid 7 --nats 2", secret: "s").secret == "s")
    }

    @Test(arguments: [
        "", "--edge 1 --edge-pid 7 --nats 2", "--edge 1 --nats 2 --secret s", needed + " --clients", needed + " --clients 1,x",
        needed + " --clients 1,", needed + " --clients 0", needed + " --clients 2,2", needed + " --clients 1,2,3,4,5,6,7",
        needed + " --clients 20 --approvals 10", needed + " --approvals 10001", needed + " --tenant a.b", needed + " --burst 3",
    ])
    func whatCannotBeDoneIsRefused(text: String) {
        #expect(throws: LoadError.self) { try Self.options(text) }
    }
}
