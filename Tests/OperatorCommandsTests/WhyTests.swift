import ArgumentParser
import Basics
import EventModel
import FoundationEssentials
import TestKit
import Testing

@testable import OperatorCommands

/// Every answer of `causeway why`, from what log and edges report.
@Suite struct WhyTests {
    private static let epoch: UInt16 = 7

    private static func cursor(_ sequence: UInt64, epoch: UInt16 = epoch) -> Cursor {
        Cursor(time: at(0), epoch: epoch, sequence: sequence)
    }

    private static func at(_ seconds: Int64) -> Timestamp { Timestamp(millisecondsSinceEpoch: 1_700_000_000_000 + seconds * 1000) }

    /// The event at sequence 10, which came in at second 100.
    private static func event(tenant: String = "acme", type: EventType = EventCatalogue.approvalRequest, recipients: [String] = [])
        -> AskedEvent
    {
        AskedEvent(
            cursor: cursor(10),
            tenant: tenant,
            type: type,
            recipients: recipients,
            receivedAt: at(100),
            incidentID: "inc_1"
        )
    }

    private static func connection(
        _ id: String = "0-1-0",
        since: Int64 = 50,
        until: Int64? = nil,
        start: Cursor = cursor(5),
        position: Cursor,
        lag: Int? = 0
    ) -> KnownConnection {
        KnownConnection(
            id: id,
            requestID: "req_\(id)",
            surface: "notification-stream",
            edge: "sse-edge at http://e:1",
            since: at(since),
            end: until.map { KnownConnection.End(time: at($0), cause: "peer_closed") },
            start: start,
            position: position,
            lag: lag,
            bytes: 1234,
            unacknowledged: until == nil ? 0 : nil
        )
    }

    /// An edge at second 200, which was started at second 0.
    private static func edge(_ connections: [KnownConnection], interruption: String? = nil, position: UInt64 = 20) -> KnownEdge {
        KnownEdge(
            name: "sse-edge at http://e:1",
            now: at(200),
            interruption: interruption,
            position: cursor(position),
            closedSince: at(0),
            connections: connections
        )
    }

    private static func ask(_ connections: KnownConnection..., event: AskedEvent = event()) -> [Explanation] {
        Explanation.byConnections(event, [edge(connections)])
    }

    // MARK: By the event

    @Test func theEventOfAnotherTenantIsThat() {
        #expect(Explanation.byEvent(Self.event(tenant: "globex"), tenant: "acme", user: "ann") == .otherTenant("globex"))
    }

    @Test func theEventOfOthersIsTheirs() {
        #expect(Explanation.byEvent(Self.event(recipients: ["bob", "eve"]), tenant: "acme", user: "ann") == .otherUser(["bob", "eve"]))
        #expect(Explanation.byEvent(Self.event(recipients: ["bob", "ann"]), tenant: "acme", user: "ann") == nil)
        #expect(Explanation.byEvent(Self.event(), tenant: "acme", user: "ann") == nil)
    }

    // MARK: By the connections

    @Test func whatAnOpenConnectionHasPassedWasSent() {
        let live = Self.connection(position: Self.cursor(10))
        #expect(Self.ask(live) == [.sent(live, from: Self.at(100), to: Self.at(200))])
    }

    @Test func whatAResumedConnectionHasPassedWasSentSinceItWasOpened() {
        let resumed = Self.connection(since: 150, position: Self.cursor(12))
        #expect(Self.ask(resumed) == [.sent(resumed, from: Self.at(150), to: Self.at(200))])
    }

    @Test func whatAClosedConnectionHadPassedWasSentBeforeItsEnd() {
        let closed = Self.connection(until: 120, position: Self.cursor(10))
        #expect(Self.ask(closed) == [.sent(closed, from: Self.at(100), to: Self.at(120))])
    }

    @Test func clocksThatDifferMakeNoReversedTime() {
        let closed = Self.connection(until: 99, position: Self.cursor(10))
        #expect(Self.ask(closed) == [.sent(closed, from: Self.at(99), to: Self.at(99))])
    }

    @Test func aConnectionThatHasNotReachedItLags() {
        let slow = Self.connection(position: Self.cursor(9), lag: 11)
        #expect(Self.ask(slow) == [.lagging(slow)])
        let broken = Self.connection(until: 130, position: Self.cursor(9), lag: 11)
        #expect(Self.ask(broken) == [.lagging(broken)])
    }

    @Test func aPositionInAnotherLogHasNotReachedIt() {
        let old = Self.connection(start: Self.cursor(50, epoch: 6), position: Self.cursor(90, epoch: 6), lag: nil)
        #expect(Self.ask(old) == [.lagging(old)])
    }

    @Test func aFilterOfOtherTypesFilters() throws {
        var narrow = Self.connection(position: Self.cursor(12))
        narrow.filter = try TypeFilter(query: "incident.*,approval.resolved")
        #expect(Self.ask(narrow) == [.filtered(narrow)])
        narrow.filter = try TypeFilter(query: "approval.*")
        #expect(Self.ask(narrow) == [.sent(narrow, from: Self.at(100), to: Self.at(200))])
    }

    @Test func aRelayConnectionGetsWhatItHasSubscribedTo() throws {
        let event = Self.event(type: try EventType("investigation.progress"))
        var relay = Self.connection(position: Self.cursor(12))
        for topics in [[], [KnownConnection.Topic(family: "investigation", incidentID: "inc_2", after: 0)]] {
            relay.topics = topics
            #expect(Self.ask(relay, event: event) == [.filtered(relay)])
        }
        relay.topics = [KnownConnection.Topic(family: "investigation", incidentID: "inc_1", after: 9)]
        #expect(Self.ask(relay, event: event) == [.sent(relay, from: Self.at(100), to: Self.at(200))])
        #expect(Self.ask(relay) == [.filtered(relay)], "no subscription pushes the type")
        relay.topics = [KnownConnection.Topic(family: "investigation", incidentID: "inc_1", after: 10)]
        #expect(Self.ask(relay, event: event) == [.beforeCursor(relay)], "the user was connected")
    }

    @Test func aConnectionThatBeganBehindItDoesNotGetIt() {
        let late = Self.connection(since: 150, start: Self.cursor(10), position: Self.cursor(12))
        #expect(Self.ask(late) == [.beforeCursor(late), .noConnection(from: Self.at(0), to: Self.at(150))])
    }

    @Test func withoutAConnectionThereIsATimeWithoutOne() {
        #expect(Self.ask() == [.noConnection(from: Self.at(0), to: Self.at(200))])
        let before = Self.connection("a", until: 90, position: Self.cursor(8))
        let earlier = Self.connection("b", since: 10, until: 40, position: Self.cursor(5))
        #expect(Self.ask(earlier, before) == [.noConnection(from: Self.at(90), to: Self.at(200))])
        let after = Self.connection("c", since: 150, start: Self.cursor(15), position: Self.cursor(15))
        #expect(Self.ask(before, after).last == .noConnection(from: Self.at(90), to: Self.at(150)))
    }

    @Test func aConnectionThatWasClosedWithoutLagWasClosedBeforeItsEdgeHadTheEvent() {
        let behind = Self.connection(until: 130, position: Self.cursor(9), lag: 0)
        #expect(Self.ask(behind) == [.noConnection(from: Self.at(130), to: Self.at(200))])
        // The clock of its edge is ahead by hours.
        let ahead = Self.connection("a", since: 10_040, until: 10_090, position: Self.cursor(8), lag: 0)
        let after = Self.connection("b", since: 150, start: Self.cursor(15), position: Self.cursor(15))
        #expect(Self.ask(ahead, after).last == .noConnection(from: Self.at(150), to: Self.at(150)))
        let resumed = Self.connection("c", since: 150, position: Self.cursor(15))
        #expect(Self.ask(ahead, resumed).map(\.name) == ["sent"])
    }

    @Test func whatEdgesHaveForgottenIsNotKnown() {
        var restarted = Self.edge([])
        restarted.closedSince = Self.at(110)
        #expect(Explanation.byConnections(Self.event(), [restarted, Self.edge([])]) == [.noConnection(from: nil, to: Self.at(200))])
    }

    @Test func anEdgeThatDoesNotFollowIsTheCause() {
        let waiting = Self.connection(position: Self.cursor(9))
        let stalled = Self.edge([waiting], interruption: "disconnected", position: 9)
        let cause = Explanation.edgeNotFollowing(edge: stalled.name, reason: "disconnected")
        #expect(Explanation.byConnections(Self.event(), [stalled]) == [cause])
        // It has read the event before it lost the log, so the connection is slow.
        #expect(Explanation.byConnections(Self.event(), [Self.edge([waiting], interruption: "disconnected")]) == [.lagging(waiting)])
        // It refuses new streams.
        let refusing = Explanation.byConnections(Self.event(), [Self.edge([], interruption: "disconnected")])
        #expect(refusing == [cause, .noConnection(from: Self.at(0), to: Self.at(200))])
    }

    @Test func theConnectionThatExplainsMostIsFirst() throws {
        let sent = Self.connection("a", position: Self.cursor(10))
        let slow = Self.connection("b", position: Self.cursor(9), lag: 1)
        var narrow = Self.connection("c", position: Self.cursor(12))
        narrow.filter = try TypeFilter(query: "a.b")
        let late = Self.connection("d", since: 150, start: Self.cursor(12), position: Self.cursor(12))
        #expect(Self.ask(late, narrow, slow, sent).map(\.name) == ["sent", "lagging", "filtered", "before_cursor"])
    }

    // MARK: Answers of servers, and sentences

    private static let page = #"""
        {"program":"sse-edge","time":"2023-11-14T22:16:40.000Z","following":false,"interruption":"disconnected","position":"\#(cursor(20))",
        "connections":[{"id":"0-1-0","surface":"notification-stream","tenant":"acme","user":"ann","requestId":"req_1",
        "since":"2023-11-14T22:14:10.000Z","start":"\#(cursor(5))","cursor":"\#(cursor(9))","lag":3,"types":["a.b","c.*"],"deliveries":1,"bytes":9,
        "unacknowledged":4,"address":"127.0.0.1:1"},{"id":"0-2-0","surface":"execution-stream","tenant":"acme","user":"ann",
        "execution":"agents/a","requestId":"req_2","since":"2023-11-14T22:14:10.000Z","start":"\#(cursor(5))","cursor":"\#(cursor(9))",
        "deliveries":0,"bytes":0}],"closed":[{"id":"0-3-0","surface":"relay","tenant":"acme","user":"ann","requestId":"req_3",
        "since":"2023-11-14T22:14:10.000Z","start":"\#(cursor(5))","cursor":"\#(cursor(9))","deliveries":0,"bytes":0,
        "subscriptions":[{"family":"investigation","incidentId":"inc_1","after":3}],
        "until":"2023-11-14T22:15:00.000Z","cause":"stalled"}],"closedSince":"2023-11-14T22:13:20.000Z"}
        """#

    @Test func anEdgesAnswerIsRead() throws {
        let answer = try JSONDecoder().decode(ConnectionsAnswer.self, from: Data(Self.page.utf8))
        let edge = try KnownEdge([answer], at: "http://e:1")
        #expect(edge.name == "sse-edge at http://e:1" && edge.now == Self.at(200) && edge.interruption == "disconnected")
        #expect(edge.position == Self.cursor(20) && edge.closedSince == Self.at(0))
        #expect(edge.connections.map(\.id) == ["0-1-0", "0-3-0"], "viewers of executions are left out")
        let (open, closed) = (edge.connections[0], edge.connections[1])
        #expect(open.filter?.patterns == ["a.b", "c.*"] && open.unacknowledged == 4 && open.end == nil && open.lag == 3)
        #expect(closed.end == KnownConnection.End(time: Self.at(100), cause: "stalled") && closed.lag == nil)
        #expect(closed.topics == [KnownConnection.Topic(family: "investigation", incidentID: "inc_1", after: 3)])
    }

    @Test(arguments: [#""time":"2023-11-14T22:16:40.000Z""#, #""types":["a.b","c.*"]"#, #""until":"2023-11-14T22:15:00.000Z""#])
    func anAnswerWithAnInvalidMemberIsNotAnEdges(_ member: String) throws {
        let name = member.prefix { $0 != ":" }
        let text = Self.page.replacing(member, with: name == #""types""# ? #""types":["?"]"# : "\(name):\"?\"")
        let answer = try JSONDecoder().decode(ConnectionsAnswer.self, from: Data(text.utf8))
        #expect(throws: (any Error).self) { try KnownEdge([answer], at: "http://e:1") }
    }

    @Test func aRefusedNameIsToldFromAForeignAnswer() {
        func refusal(_ status: Int, _ body: String) -> String? {
            RefusedHost(CausewayServer.Answer(status: status, body: Array(body.utf8)))?.message
        }
        #expect(refusal(403, #"{"error":"forbidden","message":"Host: must be\u001b an address."}"#) == "Host: must be\\u001B an address.")
        #expect(refusal(403, "<h1>Forbidden</h1>") == nil && refusal(403, #"{"error":"forbidden"}"#) == nil)
        #expect(refusal(401, #"{"error":"unauthorized","message":"A token is needed."}"#) == nil)
    }

    @Test func theEdgesOfADeploymentAreRead() throws {
        let edge = try JSONDecoder().decode(ConnectionsAnswer.self, from: Data(Self.page.utf8))
        var (open, closed) = (edge.connections, edge.closed)
        for index in open.indices { open[index].instance = "01A" }
        for index in closed.indices { closed[index].instance = "01B" }
        let text = #"""
            {"items":[],"nextCursor":null,"closed":[],"complete":false,"silent":[{"program":"jsonrpc-relay","instance":"01C","lastHeard":"t"}],
            "edges":[{"program":"sse-edge","instance":"01A","time":"2023-11-14T22:16:40.000Z","following":false,"interruption":"disconnected",
            "position":"\#(Self.cursor(20))","closedSince":"2023-11-14T22:13:20.000Z"},
            {"program":"jsonrpc-relay","instance":"01B","time":"2023-11-14T22:16:40.000Z","following":true}]}
            """#
        let answer = try JSONDecoder().decode(DeploymentAnswer.self, from: Data(text.utf8))
        let known = try answer.edges.map { try KnownEdge($0, open + closed) }
        #expect(known.map(\.name) == ["sse-edge 01A", "jsonrpc-relay 01B"] && known.map(\.interruption) == ["disconnected", nil])
        #expect(known.map { $0.connections.map(\.id) } == [["0-1-0"], ["0-3-0"]], "viewers of executions are left out")
        #expect(known[0].position == Self.cursor(20) && known[0].closedSince == Self.at(0) && known[1].closedSince == nil)
        #expect(answer.silent.map(\.instance) == ["01C"] && !answer.complete)
    }

    @Test func anEventIsRead() throws {
        let text = #"""
            {"id":"\#(Self.cursor(10))","eventId":"e","tenant":"acme","type":"a.b","recipients":["ann"],"timestamp":"2023-11-14T22:15:00.000Z",
            "receivedAt":"2023-11-14T22:15:00.000Z","incidentId":"inc_1","payload":{}}
            """#
        let event = try AskedEvent(JSONDecoder().decode(StoredEventAnswer.self, from: Data(text.utf8)))
        #expect(
            event.cursor == Self.cursor(10) && event.recipients == ["ann"] && event.receivedAt == Self.at(100)
                && event.incidentID == "inc_1"
        )
    }

    @Test func sentencesSayWhatIsKnown() {
        let open = Self.connection(position: Self.cursor(10))
        func text(_ explanation: Explanation) -> String { explanation.sentence(id: "evt_1", user: "ann") }
        #expect(
            text(.sent(open, from: Self.at(100), to: Self.at(200)))
                == """
                sent: connection 0-1-0 (notification-stream, sse-edge at http://e:1) wrote it between 2023-11-14T22:15:00.000Z and \
                2023-11-14T22:16:40.000Z; 1234 bytes written, all acknowledged by the peer's kernel
                """
        )
        let closed = text(.lagging(Self.connection(until: 120, position: Self.cursor(9), lag: nil)))
        #expect(closed.contains("was more events than are in the edge's memory behind") && closed.hasSuffix("(peer_closed)"))
        #expect(text(.notInLog(.removed)) == "not in the log: its retention has removed evt_1")
        #expect(text(.otherUser(["bob\u{1B}[2J"])).lowercased().contains(#"is for bob\u001b[2j"#))
        #expect(text(.noConnection(from: Self.at(0), to: Self.at(100))).hasPrefix("no connection: ann had none between 2023-"))
        let object = Explanation.noConnection(from: nil, to: Self.at(100)).object(id: "evt_1", user: "ann").text
        #expect(object.hasPrefix(#"{"answer":"no_connection","to":"2023-11-14T22:15:00.000Z","sentence":"no connection: "#))
    }

    @Test func edgesComeFromTheOptionBeforeTheEnvironment() throws {
        let arguments = ["--event", "\(Self.cursor(10))", "--user", "ann"]
        let environment = ["CAUSEWAY_EDGES": "http://a:1,http://b:2"]
        #expect(try WhyCommand.parse(arguments).targets(environment).map { "\($0)" } == ["http://a:1", "http://b:2"])
        #expect(try WhyCommand.parse(arguments + ["--edges", "http://c:3"]).targets(environment).map { "\($0)" } == ["http://c:3"])
        #expect(try WhyCommand.parse(arguments).targets([:]).isEmpty)
        #expect(throws: Exit.configuration) { try WhyCommand.parse(arguments + ["--edges", "c:3"]).targets([:]) }
        #expect(throws: (any Error).self) { try WhyCommand.parse(["--event", "evt_1", "--user", "ann"]) }
        #expect(throws: (any Error).self) { try WhyCommand.parse(["--event", "\(Self.cursor(10))"]) }
    }
}
