import Basics
import EventModel
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

/// The bodies of the webhook routes.
@Suite struct EndpointRequestTests {
    private static let start = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    private static let later = start.advanced(by: .seconds(60))

    private func payload(_ body: String) throws(ValidationError) -> Payload {
        try Payload(validating: Array(body.utf8), field: "body", allowsStreamMembers: true)
    }

    private func endpoint(_ state: EndpointHealth.State = .enabled) throws -> Endpoint {
        Endpoint(
            id: EndpointID(slot: 0, time: Self.start),
            tenant: "acme",
            createdAt: Self.start,
            settings: try Endpoint.Settings(
                url: WebhookURL("https://hooks.example/a"),
                types: EndpointTypes(["incident.*"]),
                user: "ann",
                description: "before"
            ),
            secrets: EndpointSecrets(.generate()),
            state: state,
            cursor: Cursor(time: Self.start, epoch: 1, sequence: 1)
        )
    }

    private func changed(_ body: String, _ state: EndpointHealth.State = .enabled) throws -> Endpoint {
        var endpoint = try endpoint(state)
        try EndpointChange(try payload(body)).apply(to: &endpoint, at: Self.later)
        return endpoint
    }

    @Test func aRegistrationHasDefaults() throws {
        let least = try EndpointRegistration(try payload(#"{"url":"https://hooks.example","types":["a.b"]}"#)).settings
        #expect("\(least.url)" == "https://hooks.example/" && least.types.patterns == ["a.b"])
        #expect(least.isOrdered && least.user == nil && least.description == nil)
        let most = try EndpointRegistration(
            try payload(#"{"url":"https://hooks.example","types":["a.*","\u0062.c"],"ordered":false,"user":"ann","description":"x"}"#)
        ).settings
        #expect(!most.isOrdered && most.user == "ann" && most.description == "x" && most.types.patterns == ["a.*", "b.c"])
    }

    @Test(arguments: [
        ("{}", "url: is missing"), ("[]", "body: must be a JSON object"), (#"{"url":"https://a.example"}"#, "types: is missing"),
        (#"{"url":1,"types":["a.b"]}"#, "url: must be a string"), (#"{"url":null,"types":["a.b"]}"#, "url: must be a string"),
        (#"{"url":"ftp://a.example","types":["a.b"]}"#, "url: must look like"),
        (#"{"url":"https://ann:pw@a.example","types":["a.b"]}"#, "url: must not contain a user"),
        (#"{"url":"https://a.example:22","types":["a.b"]}"#, "url: has port 22"),
        (#"{"url":"https://a.example","types":"a.b"}"#, "types: must be an array"),
        (#"{"url":"https://a.example","types":[]}"#, "types: must name 1 to 64"),
        (#"{"url":"https://a.example","types":["a.b",1]}"#, "types[1]: must be a string"),
        (#"{"url":"https://a.example","types":["A.b"]}"#, "types: "), (#"{"url":"https://a.example","types":["a.b,c.d"]}"#, "types: has"),
        (#"{"url":"https://a.example","types":["a.b"],"ordered":1}"#, "ordered: must be true or false"),
        (#"{"url":"https://a.example","types":["a.b"],"user":""}"#, "user: "),
        (#"{"url":"https://a.example","types":["a.b"],"user":7}"#, "user: must be a string"),
        (#"{"url":"https://a.example","types":["a.b"],"description":7}"#, "description: must be a string"),
        (#"{"url":"https://a.example","types":["a.b"],"enabled":true}"#, "enabled: is not a member of an endpoint"),
        (#"{"url":"https://a.example","types":["a.b"],"secret":"whsec_x"}"#, "secret: is not a member of an endpoint"),
    ])
    func aWrongRegistrationIsNamed(_ body: String, says: String) {
        let error = #expect(throws: ValidationError.self) { try EndpointRegistration(try payload(body)) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("{}", "body: changes nothing"), (#"{"id":"x"}"#, "id: is not a member"), (#"{"types":null}"#, "types: must be an array"),
        (#"{"url":null}"#, "url: must be a string"), (#"{"ordered":null}"#, "ordered: must be true or false"),
        (#"{"enabled":"no"}"#, "enabled: must be true or false"), (#"{"description":"a\u0000"}"#, "description: "),
    ])
    func aWrongChangeIsNamed(_ body: String, says: String) {
        let error = #expect(throws: ValidationError.self) { try EndpointChange(try payload(body)) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }

    @Test func aLongDescriptionIsRefused() {
        let text = String(repeating: "x", count: Endpoint.Settings.maximumDescriptionBytes + 1)
        for body in [#"{"description":"\#(text)"}"#] {
            let error = #expect(throws: ValidationError.self) { try EndpointChange(try payload(body)) }
            #expect(error?.field == "description")
        }
    }

    @Test func whatIsAbsentStays() throws {
        let before = try endpoint()
        let ordered = try changed(#"{"ordered":false}"#)
        #expect(!ordered.settings.isOrdered && ordered.settings.user == "ann" && ordered.settings.description == "before")
        #expect(ordered.settings.url == before.settings.url && ordered.settings.types == before.settings.types && ordered.state == .enabled)
        let removed = try changed(#"{"user":null,"description":null}"#)
        #expect(removed.settings.user == nil && removed.settings.description == nil && removed.settings.isOrdered)
        let set = try changed(#"{"user":"bob","description":"after","types":["x.y"]}"#)
        #expect(set.settings.user == "bob" && set.settings.description == "after" && set.settings.types.patterns == ["x.y"])
    }

    @Test func anotherURLHasToAnswerAPing() throws {
        let pending = EndpointHealth(registeredAt: Self.later).state
        #expect(try changed(#"{"url":"https://hooks.example/a"}"#).state == .enabled, "the same one")
        #expect(try changed(#"{"url":"https://hooks.example/b"}"#).state == pending)
        let trouble = EndpointHealth.Trouble(since: Self.start, failures: 3, retryAt: Self.start)
        #expect(try changed(#"{"url":"https://hooks.example/b"}"#, .failing(trouble)).state == pending)
        let disabled = EndpointHealth.State.disabled(.gone, at: Self.start)
        let moved = try changed(#"{"url":"https://hooks.example/b"}"#, disabled)
        #expect(moved.state == disabled && moved.settings.url.target == "/b")
    }

    @Test func anEndpointIsDisabledAndEnabled() throws {
        let trouble = EndpointHealth.Trouble(since: Self.start, failures: 3, retryAt: Self.start)
        let requested = EndpointHealth.State.disabled(.requested, at: Self.later)
        #expect(try changed(#"{"enabled":false}"#).state == requested)
        #expect(try changed(#"{"enabled":false}"#, .failing(trouble)).state == requested)
        #expect(try changed(#"{"enabled":false,"url":"https://hooks.example/b"}"#).state == requested)
        let gone = EndpointHealth.State.disabled(.gone, at: Self.start)
        #expect(try changed(#"{"enabled":false}"#, gone).state == gone, "the reason stays")
        #expect(try changed(#"{"enabled":true}"#, gone).state == EndpointHealth(registeredAt: Self.later).state)
        #expect(try changed(#"{"enabled":true}"#).state == .enabled)
        #expect(try changed(#"{"enabled":true}"#, .failing(trouble)).state == .failing(trouble))
    }

    @Test func aReplayBeginsAtAnEventOrATime() throws {
        let cursor = Cursor(time: Self.start, epoch: 3, sequence: 5)
        #expect(try ReplayStart(try payload(#"{"from":"\#(cursor.text)"}"#)) == .event(cursor))
        #expect(
            try ReplayStart(try payload(#"{"since":"2024-04-01T16:32:10+02:00"}"#))
                == .time(.init(millisecondsSinceEpoch: 1_711_981_930_000))
        )
    }

    @Test func anEventIsSentAgainByItsID() throws {
        let cursor = Cursor(time: Self.start, epoch: 3, sequence: 5)
        #expect(try EventReference(try payload(#"{"event":"\#(cursor.text)"}"#)).id == cursor)
        for (body, says) in [
            ("{}", "event: is missing"), (#"{"event":"evt_1"}"#, "event: must be the id"), (#"{"event":7}"#, "event: must be the id"),
            (#"{"from":"\#(cursor.text)"}"#, "from: is not a member"),
        ] {
            let error = #expect(throws: ValidationError.self) { try EventReference(try payload(body)) }
            #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
        }
    }

    @Test(arguments: [
        ("{}", "from: is missing"), (#"{"from":"evt_1"}"#, "from: must be the id"), (#"{"from":null}"#, "from: must be the id"),
        (#"{"since":"yesterday"}"#, "since: must be a time"), (#"{"since":1711981930}"#, "since: must be a time"),
        (#"{"from":"evt_1","since":"2024-04-01T16:32:10Z"}"#, "since: must not stand beside from"), (#"{"to":"x"}"#, "to: is not a member"),
    ])
    func aWrongReplayIsNamed(_ body: String, says: String) {
        let error = #expect(throws: ValidationError.self) { try ReplayStart(try payload(body)) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }
}
