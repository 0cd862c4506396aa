import Basics
import EdgeRuntime
import TestKit
import Testing

@testable import jsonrpc_relay

/// Limits of one client and one tenant (contract §10, Shares).
@Suite struct ShareTests {
    private let start = MonotonicInstant(nanoseconds: 1)

    private static let subscribe =
        #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"i","lastEventId":"evt_0"}}"#
    private static let unsubscribe = #"{"jsonrpc":"2.0","id":2,"method":"investigation.unsubscribe","params":{"incidentId":"i"}}"#

    @Test func subscribingAndUnsubscribingHasARate() {
        var engine = makeEngine()
        var looked = 0
        var refused = 0
        // A burst of a hundred batches.
        for _ in 0..<100 {
            let items = Array(repeating: Self.subscribe + "," + Self.unsubscribe, count: 50).joined(separator: ",")
            let outputs = engine.receive(bytes("[\(items)]"), now: start)
            looked += outputs.resumed.count
            refused += outputs.sent.joined(separator: "").components(of: "-32005")
        }
        let limits = RelayEngine.limits
        #expect(looked == Int(limits.subscriptionChangesAtOnce) / 2)
        #expect(refused == 10_000 - Int(limits.subscriptionChangesAtOnce))
        // A few more after a second.
        let outputs = engine.receive(bytes(Self.subscribe), now: start.advanced(by: .seconds(1)))
        #expect(outputs.resumed.count == 1)
    }

    @Test func commandsWithoutAnIDCountAsUnderWay() {
        var engine = makeEngine()
        let silent = #"{"jsonrpc":"2.0","method":"agent.run"}"#
        let sent = (0..<1000).reduce(0) { count, _ in count + engine.receive(bytes(silent), now: start).commands.count }
        #expect(sent == RelayEngine.limits.outstandingCommands)
        let refused = engine.receive(bytes(#"{"jsonrpc":"2.0","id":1,"method":"agent.run"}"#), now: start)
        #expect(refused.commands.isEmpty && refused.sent.first?.contains("-32005") == true)
        #expect(engine.receive(bytes(silent), now: start.advanced(by: .seconds(1))).commands.count == 1)
    }

    @Test func whatABatchHoldsIsKnown() {
        var engine = makeEngine()
        let batch = (1...3).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"agent.run"}"# }.joined(separator: ",")
        let tokens = engine.receive(bytes("[\(batch)]"), now: start).commands.map(\.token)
        #expect(engine.commands.heldBytes == 0)
        _ = engine.completed(tokens[0], .result(Array(repeating: 49, count: 1000)))
        _ = engine.completed(tokens[1], .result(Array(repeating: 49, count: 1000)))
        #expect(engine.commands.heldBytes > 2000)
        _ = engine.completed(tokens[2], .result(bytes("1")))
        #expect(engine.commands.heldBytes == 0)
    }

    private func shares(_ change: (inout CommandConfiguration) -> Void) -> CommandShares {
        var configuration = CommandConfiguration()
        change(&configuration)
        return CommandShares(configuration: configuration)
    }

    @Test func aTenantHasAShareOfTheWayToTheBus() {
        let shares = shares { $0.maximumQueuedBytes = 400 }
        let (greedy, other): (Tenant, Tenant) = ("acme", "globex")
        #expect(shares.begin(greedy, bytes: 100, expectsAnswer: false, now: start) == nil)
        #expect(shares.begin(greedy, bytes: 1, expectsAnswer: false, now: start)?.code == -32603)
        #expect(shares.begin(other, bytes: 100, expectsAnswer: false, now: start) == nil)
        shares.sent(greedy, bytes: 100)
        #expect(shares.begin(greedy, bytes: 100, expectsAnswer: false, now: start) == nil)
        #expect(shares.refused == 1)
    }

    @Test func aTenantHasAShareOfTheCommandsUnderWay() {
        let shares = shares { $0.maximumOutstandingOfTenant = 2 }
        let (greedy, other): (Tenant, Tenant) = ("acme", "globex")
        for _ in 0..<2 { #expect(shares.begin(greedy, bytes: 1, expectsAnswer: true, now: start) == nil) }
        #expect(shares.begin(greedy, bytes: 1, expectsAnswer: true, now: start)?.code == -32005)
        #expect(shares.begin(other, bytes: 1, expectsAnswer: true, now: start) == nil)
        shares.ended(greedy)
        #expect(shares.begin(greedy, bytes: 1, expectsAnswer: true, now: start) == nil)
    }

    @Test func aTenantHasARate() {
        let shares = shares { $0.commandsPerSecondOfTenant = 5 }
        let (greedy, other): (Tenant, Tenant) = ("acme", "globex")
        let sent = (0..<1000).count { _ in shares.begin(greedy, bytes: 1, expectsAnswer: false, now: start) == nil }
        #expect(sent == 50)
        #expect(shares.begin(other, bytes: 1, expectsAnswer: false, now: start) == nil)
        #expect(shares.begin(greedy, bytes: 1, expectsAnswer: false, now: start.advanced(by: .seconds(1))) == nil)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { self.split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
