import Basics
import EdgeRuntime
import EventModel
import TestKit
import Testing

@testable import jsonrpc_relay

/// The relay's own methods (contract §6).
@Suite struct MethodTests {
    @Test func pingIsAnsweredInTheFormOfTheReference() {
        var engine = makeEngine()
        let answer = engine.answer(#"{ "jsonrpc": "2.0", "id": "ping_001", "method": "ping", "params": {} }"#)
        #expect(answer == #"{"jsonrpc":"2.0","id":"ping_001","result":{"pong":true}}"#)
    }

    @Test(arguments: [#""params":{}"#, #""params":[]"#, #""params":{"extra":[1]}"#, #""params":null"#, #""x":1"#])
    func pingTakesAnyParamsOrNone(_ member: String) {
        var engine = makeEngine()
        #expect(
            engine.answer(#"{"jsonrpc":"2.0","method":"ping","id":1,\#(member)}"#) == #"{"jsonrpc":"2.0","id":1,"result":{"pong":true}}"#
        )
    }

    @Test func pingAsANotificationIsAnsweredByTheNotificationPong() {
        var engine = makeEngine()
        #expect(engine.receive(#"{"jsonrpc":"2.0","method":"ping"}"#) == [.send(bytes(#"{"jsonrpc":"2.0","method":"pong","params":{}}"#))])
    }

    @Test(arguments: EventFamily.allCases)
    func subscribeIsAnsweredAndTakesEffect(_ family: EventFamily) throws {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":7,"method":"\#(family).subscribe","params":{"incidentId":"inc_é"}}"#)
        let subscription = try #require(engine.subscriptions.all.first)
        #expect(subscription.topic == Topic(family: family, incidentID: "inc_é"))
        #expect(subscription.id.text.count == 30 && subscription.id.text.hasPrefix("sub_"))
        let answer = #"{"jsonrpc":"2.0","id":7,"result":{"subscriptionId":"\#(subscription.id)","incidentId":"inc_é"}}"#
        #expect(outputs == [.send(bytes(answer))])
    }

    @Test func aSubscriptionWithACursorIsResolvedAfterItsAnswer() {
        var engine = makeEngine()
        let outputs = engine.receive(
            #"{"jsonrpc":"2.0","id":7,"method":"remediation.subscribe","params":{"incidentId":"i","lastEventId":"evt_1"}}"#
        )
        let id = engine.subscriptions.all[0].id
        let answer = #"{"jsonrpc":"2.0","id":7,"result":{"subscriptionId":"\#(id)","incidentId":"i"}}"#
        #expect(outputs == [.send(bytes(answer)), .writeIDs, .resume(id, after: "evt_1")])
    }

    @Test func aSecondSubscriptionToTheSameIncidentIsAnother() {
        var engine = makeEngine()
        let request = #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"inc_1"}}"#
        let answered = (0..<2).map { _ in JSONTree(engine.answer(request) ?? "")?["result"]?["subscriptionId"]?.text }
        #expect(Set(answered).count == 2 && engine.subscriptions.all.map(\.id.text) == answered)
    }

    @Test(arguments: ["", "evt_01HX9VTPQR3KF8MZWBYD5N6JCE", "no cursor at all"])
    func lastEventIdIsPassedOnAsText(_ cursor: String) {
        var engine = makeEngine()
        let outputs = engine.receive(
            #"{"jsonrpc":"2.0","id":1,"method":"remediation.subscribe","params":{"incidentId":"i","lastEventId":"\#(cursor)"}}"#
        )
        #expect(outputs.dropFirst() == [.writeIDs, .resume(engine.subscriptions.all[0].id, after: cursor)])
    }

    @Test func aSubscriptionByNotificationTakesEffectInSilence() {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","method":"investigation.subscribe","params":{"incidentId":"i"}}"#)
        #expect(outputs.isEmpty && engine.subscriptions.count == 1)
    }

    @Test func unsubscribeBySubscription() throws {
        var engine = makeEngine()
        let id = try #require(engine.subscribe(.investigation, "inc_1").first?.id)
        let other = engine.subscribe(.investigation, "inc_1")
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"investigation.unsubscribe","params":{"subscriptionId":"\#(id)"}}"#)
        let answer = #"{"jsonrpc":"2.0","id":1,"result":{"subscriptionId":"\#(id)","incidentId":"inc_1","unsubscribed":true}}"#
        #expect(outputs == [.send(bytes(answer))])
        #expect(engine.subscriptions.all == other)
    }

    @Test func unsubscribeByIncidentEndsAllOfTheFamily() {
        var engine = makeEngine()
        _ = engine.subscribe(.investigation, "inc_1")
        let second = engine.subscribe(.investigation, "inc_1")
        let kept = engine.subscribe(.remediation, "inc_1") + engine.subscribe(.investigation, "inc_2")
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"investigation.unsubscribe","params":{"incidentId":"inc_1"}}"#)
        #expect(outputs.count == 1 && outputs.sent[0].contains(second[0].id.text))
        #expect(engine.subscriptions.all == kept)
    }

    @Test func unsubscribeFindsNothing() {
        var engine = makeEngine()
        let subscription = engine.subscribe(.remediation, "inc_1")[0]
        let calls = [
            #""investigation.unsubscribe","params":{"incidentId":"inc_1"}"#,
            #""investigation.unsubscribe","params":{"subscriptionId":"\#(subscription.id)"}"#,
            #""remediation.unsubscribe","params":{"subscriptionId":"sub_00000000000000000000000000"}"#,
            #""remediation.unsubscribe","params":{"subscriptionId":"\#(subscription.id)","incidentId":"inc_2"}"#,
        ]
        for call in calls {
            #expect(engine.receive(#"{"jsonrpc":"2.0","id":1,"method":\#(call)}"#).code == -32002)
        }
        #expect(engine.subscriptions.all == [subscription])
    }

    @Test(arguments: [
        "", #","params":[]"#, #","params":["inc_1"]"#, #","params":{}"#, #","params":{"incidentId":1}"#, #","params":{"incidentId":null}"#,
        #","params":{"incidentId":""}"#, #","params":"inc_1""#, #","params":null"#,
        #","params":{"incidentId":"\#(String(repeating: "x", count: 257))"}"#, #","params":{"incidentId":"a\u0000"}"#,
        #","params":{"incidentId":"a\u009f"}"#,
    ])
    func invalidParams(_ params: String) {
        var engine = makeEngine()
        #expect(engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe"\#(params)}"#).code == -32602)
        #expect(engine.receive(#"{"jsonrpc":"2.0","method":"investigation.subscribe"\#(params)}"#) == [])
        #expect(engine.subscriptions.all.isEmpty)
    }

    @Test func whatIsWrongWithParamsIsNamedInTheMessage() throws {
        var engine = makeEngine()
        let request = #"{"jsonrpc":"2.0","id":1,"method":"remediation.subscribe","params":{"incidentId":"a\nb"}}"#
        let answer = engine.answer(request)
        let error = try #require(JSONTree(answer ?? "")?["error"])
        #expect(error["message"]?.text?.hasPrefix("Invalid params: params.incidentId ") == true)
        #expect(error["data"]?.text?.hasPrefix("params.incidentId ") == true)
    }

    @Test(arguments: [
        "x", "..", "*", ">", "a/b", "😀", "e\u{301}", "é", String(repeating: "é", count: 128), String(repeating: "x", count: 256),
    ])
    func anIdentifierThatKeepsTheRulesIsTaken(_ incidentID: String) {
        var engine = makeEngine()
        #expect(engine.subscribe(.investigation, incidentID).map(\.topic.incidentID.text.utf8.count) == [incidentID.utf8.count])
    }

    @Test(arguments: ["lastEventId", "last_event_id", "lastEventID", "Last-Event-ID"])
    func everyUsualSpellingOfTheCursorIsTaken(_ name: String) {
        var engine = makeEngine()
        let outputs = engine.receive(
            #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"i","\#(name)":"evt_1"}}"#
        )
        #expect(outputs.contains(.resume(engine.subscriptions.all[0].id, after: "evt_1")))
    }

    /// A client's cursor is never refused: a malformed one is answered as unknown, and null means absent.
    @Test(
        arguments: [
            (#""lastEventId":null"#, nil), (#""lastEventId":null,"last_event_id":"evt_1""#, "evt_1"), (#""lastEventId": null "#, nil),
            (#""lastEventId":7"#, "7"), (#""lastEventId":true"#, "true"), (#""lastEventId":{"a":[]}"#, #"{"a":[]}"#),
            (#""lastEventId":"","last_event_id":"""#, ", "), (#""lastEventId":"evt_1","Last-Event-ID":"evt_1""#, "evt_1, evt_1"),
        ] as [(String, String?)]
    )
    func noPlaceIsRefused(_ members: String, _ place: String?) {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","method":"investigation.subscribe","params":{"incidentId":"i",\#(members)}}"#)
        let resumptions = place.map { [.writeIDs, .resume(engine.subscriptions.all[0].id, after: $0)] } ?? [] as [RelayOutput]
        #expect(engine.subscriptions.count == 1 && outputs == resumptions)
    }

    @Test func nullLeavesTheCursorOfTheHandshake() {
        var engine = RelayEngine(lastEventID: "evt_0")
        let outputs = engine.receive(
            #"{"jsonrpc":"2.0","method":"investigation.subscribe","params":{"incidentId":"i","lastEventId":null}}"#
        )
        #expect(outputs == [.writeIDs, .resume(engine.subscriptions.all[0].id, after: "evt_0")])
    }

    @Test func theCursorOfTheHandshakeIsThatOfSubscriptionsThatNameNone() {
        var engine = RelayEngine(lastEventID: "evt_0")
        _ = engine.subscribe(.investigation, "one")
        let outputs = engine.receive(
            """
            [{"jsonrpc":"2.0","method":"investigation.subscribe","params":{"incidentId":"two"}},\
            {"jsonrpc":"2.0","method":"investigation.subscribe","params":{"incidentId":"three","lastEventId":""}}]
            """
        )
        let ids = engine.subscriptions.all.map(\.id)
        // Ids are asked for once.
        #expect(outputs == [.resume(ids[1], after: "evt_0"), .resume(ids[2], after: "")])
    }

    @Test(arguments: [
        #"{"incidentId":"a","incidentId":"b"}"#, #"{"incidentId":"a","inci\u0064entId":"b"}"#, #"{"incidentId":"a","x":{"y":1,"y":1}}"#,
        #"{"incidentId":"a","x":[[{"y":1,"\u0079":2}]]}"#,
    ])
    func aMemberThatStandsTwiceInParamsIsRefused(_ params: String) {
        var engine = makeEngine()
        for method in ["investigation.subscribe", "agent.run", "ping"] {
            let outputs = engine.receive(#"{"jsonrpc":"2.0","method":"\#(method)","params":\#(params),"id":"x"}"#)
            #expect(outputs.code == -32600 && outputs.count == 1)
            #expect(JSONTree(outputs.sent[0])?["id"] == .string("x"))
            #expect(engine.receive(#"{"jsonrpc":"2.0","method":"\#(method)","params":\#(params)}"#) == [])
        }
        #expect(engine.subscriptions.all.isEmpty)
    }

    @Test func aConnectionHasABoundOfSubscriptions() {
        var engine = makeEngine()
        for number in 0..<256 { #expect(engine.subscribe(.investigation, "inc_\(number)").count == 1) }
        let request = #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"one more"}}"#
        #expect(engine.receive(request).code == -32602)
        _ = engine.receive(#"{"jsonrpc":"2.0","method":"investigation.unsubscribe","params":{"incidentId":"inc_9"}}"#)
        #expect(engine.receive(request).code == nil && engine.subscriptions.count == 256)
    }

    @Test func subscribingAndUnsubscribingInOneBatch() {
        var engine = makeEngine()
        let outputs = engine.receive(
            """
            [{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"i"}},\
            {"jsonrpc":"2.0","id":2,"method":"investigation.unsubscribe","params":{"incidentId":"i"}}]
            """
        )
        #expect(outputs.count == 1 && engine.subscriptions.count == 0)
        #expect(JSONTree(outputs.sent[0])?.elements?.count == 2)
    }

    @Test func notices() {
        let connected = RelayNotice.connected(
            connectionID: "conn_01HX9VTPQR3KF8MZWBYD5N6JCE",
            tenant: "ten\"1",
            time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
        )
        #expect(
            string(connected)
                == #"{"jsonrpc":"2.0","method":"connected","params":{"connectionId":"conn_01HX9VTPQR3KF8MZWBYD5N6JCE","tenantId":"ten\"1","serverTime":"2024-04-01T14:32:10.000Z"}}"#
        )
    }

    @Test(
        "a token that has expired, was revoked or is not accepted ends with -32001, then 1008",
        arguments: [Ending.tokenExpired, .tokenRevoked, Ending(.unauthorized)]
    )
    func endsOfTokens(_ ending: Ending) {
        let farewell = RelayEncoder(carriesIDs: false, deflater: nil, makeULID: ulids()).farewell(ending, retry: nil)
        // After the head of a text frame, and before the close frame.
        let length = Int(farewell[2]) << 8 | Int(farewell[3])
        let error = Array(farewell[4..<4 + length])
        #expect(farewell[..<2] == [0x81, 126] && farewell[4 + length] == 0x88)
        #expect(Array(farewell[(6 + length)...].prefix(2)) == [0x03, 0xF0])
        #expect([RelayOutput.send(error)].code == -32001)
        #expect(JSONTree(error)?["id"] == .null && JSONRPCChecker.fault(error) == nil)
    }

    @Test func everyTypeOfAFamilyIsAnEventType() throws {
        for family in EventFamily.allCases {
            for name in family.typeNames { #expect(EventFamily(pushing: try EventType(name)) == family) }
        }
        #expect(EventFamily(pushing: try EventType("investigation.other")) == nil)
    }

    /// Events without a topic are not encoded.
    @Test func theTypesOfFamiliesHaveATopicAndNoOthers() throws {
        let encoder = RelayEncoder(carriesIDs: false, deflater: nil, makeULID: ulids())
        let pushed = EventFamily.allCases.flatMap(\.typeNames)
        for name in EventCatalogue.typeNames + ["investigation.other"] {
            let event = Event(
                id: "e",
                tenant: Tenant(generated: "acme"),
                type: try EventType(name),
                time: Timestamp(millisecondsSinceEpoch: 0),
                payload: try Payload(validating: Array(#"{"incidentId":"i"}"#.utf8))
            )
            let topic = EventFamily(pushing: event.type).map { Topic(family: $0, incidentID: "i") }
            #expect(encoder.topic(of: event) == topic && (topic != nil) == pushed.contains(name), "\(name)")
        }
    }
}

extension RelayEngine {
    /// Subscribes by notification.
    mutating func subscribe(_ family: EventFamily, _ incidentID: String) -> [Subscription] {
        let before = subscriptions.count
        _ = receive(#"{"jsonrpc":"2.0","method":"\#(family).subscribe","params":{"incidentId":"\#(incidentID)"}}"#)
        return Array(subscriptions.all.dropFirst(before))
    }
}

extension [RelayOutput] {
    /// The error code of the one response.
    var code: Int? {
        guard sent.count == 1, case .number(let code) = JSONTree(sent[0])?["error"]?["code"] else { return nil }
        return Int(code)
    }
}
