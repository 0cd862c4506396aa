import CNATS
import Foundation
import TestKit
import Testing

@testable import NATSClient

@Suite("Subjects and headers")
struct SubjectTests {
    @Test("Valid to publish on", arguments: ["a", "a.b", "events.acme.incident.created", "$JS.API.INFO", "a-b_c=d", "ä.ö", "a.b*", ">b.c"])
    func publishable(subject: String) throws {
        try Subject.validate(forPublishing: subject)
        try Subject.validate(forSubscribing: subject)
    }

    @Test("Valid to subscribe to only", arguments: ["*", ">", "a.*", "a.*.b", "a.>"])
    func subscribable(subject: String) throws {
        try Subject.validate(forSubscribing: subject)
        #expect(throws: NATSError.self) { try Subject.validate(forPublishing: subject) }
    }

    @Test(
        "Valid for nothing",
        arguments: ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\nPUB x 0", "a\0b", ">.a", String(repeating: "a", count: 2049)]
    )
    func invalid(subject: String) {
        #expect(throws: NATSError.self) { try Subject.validate(forPublishing: subject) }
        #expect(throws: NATSError.self) { try Subject.validate(forSubscribing: subject) }
    }

    @Test("Names that are no token", arguments: ["", "a.b", "a*", ">", "a b", "a/b", "a\\b", "a\n"])
    func names(name: String) {
        #expect(throws: NATSError.self) { try Subject.validate(token: name) }
    }

    @Test("A header cannot break out of its line")
    func headerInjection() {
        for headers: NATSHeaders in [["a": "b\r\nc: d"], ["a": "b\nc"], ["a": "b\0"], ["a:b": "c"], ["a b": "c"], ["": "c"], ["ä": "c"]] {
            #expect(throws: NATSError.self) { try headers.validate() }
        }
        #expect(throws: Never.self) { try (["ce-id": "ä b:c", "x": ""] as NATSHeaders).validate() }
    }

    @Test("Setting a header replaces all of its values, appending keeps them")
    func headerSubscript() {
        var headers: NATSHeaders = ["a": "1", "b": "2"]
        headers.append("a", "3")
        #expect(headers["a"] == "1")
        headers["a"] = "4"
        #expect(headers.fields.map(\.value) == ["2", "4"])
        headers["b"] = nil
        #expect(headers["b"] == nil && headers.fields.count == 1)
        headers["A"] = "5"
        #expect(headers.fields.map(\.name) == ["A"] && headers["a"] == "5")
    }
}

@Suite("Header blocks as they are on the wire")
struct HeaderBlockTests {
    @Test(
        "Fields",
        arguments: [
            ("NATS/1.0\r\nA: 1\r\nB:2 : 3  \r\nno colon\r\nA:4\r\n\r\n", [["A", "1"], ["B", "2 : 3"], ["A", "4"]]),
            ("NATS/1.0\r\ntraceparent: \r\nce-userid: u1\r\nlast:\r\n\r\n", [["traceparent", ""], ["ce-userid", "u1"], ["last", ""]]),
            ("NATS/1.0\r\ntraceparent:\r\nce-userid:u1\r\n\r\n", [["traceparent", ""], ["ce-userid", "u1"]]),
            ("NATS/1.0\r\nA: 1\r\n folded: x\r\n\r\n", [["A", "1"]]),
            ("NATS/1.0 404 No Messages\r\nA: 1\r\n\r\n", [["A", "1"]]),
            ("NATS/1.0\nA: 1\nB: 2", [["A", "1"], ["B", "2"]]),
            ("NATS/1.0\r\n\r\n", []), ("NATS/1.0", []), ("", []), ("A: 1\r\n\r\n", []),
        ] as [(String, [[String]])]
    )
    func fields(text: String, fields: [[String]]) {
        view(text) { block in
            #expect(block.headers.fields.map { [$0.name, $0.value] } == fields)
            for field in fields { #expect(block.first(field[0]) == fields.first { $0[0] == field[0] }?[1]) }
            #expect(block.first("absent") == nil && block.first("") == nil)
        }
    }

    @Test(
        "A name is found in whatever case it is written; values that differ are not guessed between",
        arguments: [
            ("CE-UserId: ann\r\n", "ann", false),
            ("ce-userid: ann\r\nCE-USERID: ann \r\n", "ann", false),
            ("CE-USERID: ann\r\nce-userid: bob\r\n", "ann", true),
            ("ce-userid: ann\r\nce-userid: bob\r\n", "ann", true),
            ("ce-userid:\r\nCE-Userid: bob\r\n", "", true),
            ("ce-userid: ann\r\nce-userid: ann\r\nce-userid: bob\r\n", "ann", true),
            ("ce_userid: ann\r\nce-useridx: bob\r\nce\u{0D}userid: x\r\n", nil, false),
        ] as [(String, String?, Bool)]
    )
    func spellings(fields: String, first: String?, isAmbiguous: Bool) throws {
        try view("NATS/1.0\r\nA: 1\r\n\(fields)\r\n") { block in
            let headers = block.headers
            for name in ["ce-userid", "CE-userID"] {
                #expect(block.first(name) == first && headers[name] == first)
                if isAmbiguous {
                    #expect(throws: NATSError.self) { try block.only(name) }
                    #expect(throws: NATSError.self) { try headers.only(name) }
                } else {
                    let found = (inBlock: try block.only(name), inHeaders: try headers.only(name))
                    #expect(found.inBlock == first && found.inHeaders == first)
                }
            }
        }
    }

    @Test(
        "Status",
        arguments: [
            ("NATS/1.0 100 Idle Heartbeat\r\n\r\n", 100, "Idle Heartbeat"), ("NATS/1.0 503\r\n\r\n", 503, nil),
            ("NATS/1.0\r\nStatus: 503\r\n\r\n", nil, nil),
            ("NATS/1.0 4044\r\n\r\n", nil, nil), ("NATS/1.0 abc x\r\n\r\n", nil, "x"), ("", nil, nil),
        ] as [(String, Int?, String?)]
    )
    func status(text: String, code: Int?, description: String?) {
        view(text) { block in
            #expect(block.status == code && block.statusDescription == description)
        }
    }

    private func view(_ text: String, _ body: (HeaderBlock) throws -> Void) rethrows {
        try Array(text.utf8).withUnsafeBytes { try body(HeaderBlock($0)) }
    }
}

@Suite("What is shown")
struct RedactionTests {
    @Test(
        "The user part of URLs is left out",
        arguments: [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://user:secret@host:4222", "nats://host:4222"),
            ("secret@host", "host"),
            ("nats://user:se@cret@host", "nats://host"),
            ("cannot reach nats://u:secret@a:1, nats://u:secret@b:2 now", "cannot reach nats://a:1, nats://b:2 now"),
            ("", ""),
        ]
    )
    func urls(text: String, shown: String) {
        #expect(ServerURL.redacted(text) == shown)
    }

    @Test("A configuration shows no secret")
    func configuration() {
        for authentication: NATSConfiguration.Authentication in [.userPassword(user: "u", password: "hunter2"), .token("hunter2")] {
            let configuration = NATSConfiguration(servers: ["nats://u:hunter2@host"], authentication: authentication)
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in [
                "\(configuration)", String(reflecting: configuration), dumped, "\(authentication)", String(reflecting: authentication),
            ] {
                #expect(!text.contains("hunter2"))
            }
        }
    }
}

@Suite("The state of a connection")
struct ConnectionLifecycleTests {
    @Test(
        "Events in every order that the library's threads may bring them in",
        arguments: [
            ([], .connecting),
            ([.serverFound], .connected),
            ([.disconnected, .serverFound], .reconnecting),
            ([.disconnected, .reconnected, .serverFound], .connected),
            ([.serverFound, .disconnected], .reconnecting),
            ([.serverFound, .disconnected, .reconnected], .connected),
            ([.serverFound, .closed, .disconnected], .closed),
            ([.serverFound, .closed, .reconnected], .closed),
            ([.closed, .serverFound], .closed),
            ([.serverFound, .disconnected, .searching], .reconnecting),
            ([.serverFound, .disconnected, .searching, .serverFound], .connected),
            ([.serverFound, .searching, .disconnected, .serverFound], .reconnecting),
            ([.serverFound, .searching, .disconnected, .reconnected, .serverFound], .connected),
            ([.searching], .connecting),
            ([.closed, .searching, .serverFound], .closed),
        ] as [([ConnectionLifecycle.Event], NATSConnectionState)]
    )
    func orders(events: [ConnectionLifecycle.Event], state: NATSConnectionState) {
        var lifecycle = ConnectionLifecycle()
        for event in events {
            let before = lifecycle.state
            let changed = lifecycle.apply(event)
            #expect(changed == (lifecycle.state != before))
        }
        #expect(lifecycle.state == state)
    }
}

@Suite("What JetStream sends")
struct JetStreamFormatTests {
    @Test(
        "The metadata of a delivery, in the old and the new form",
        arguments: ["$JS.ACK.EVENTS.feed.1.22.333.1795245554898177445.4", "$JS.ACK._.hash.EVENTS.feed.1.22.333.1795245554898177445.4.rnd"]
    )
    func metadata(reply: String) {
        let expected = DeliveryMetadata(streamSequence: 22, consumerSequence: 333, timestamp: 1_795_245_554_898_177_445, pending: 4)
        #expect(DeliveryMetadata(reply: reply) == expected)
    }

    @Test(
        "Reply subjects that are none of JetStream's",
        arguments: [
            "", "_INBOX.a", "$JS.ACK.", "$JS.ACK.EVENTS.feed.1.22.333.17.x", "$JS.ACK.EVENTS.feed.1.22.333.17",
            "$JS.ACK.EVENTS.feed.1.22..17.4",
            "$JS.ACK.a.EVENTS.feed.1.22.333.17.4", "$JS.FC.EVENTS.feed.1.22.333.17.4",
            "$JS.ACK.EVENTS.feed.1.99999999999999999999.333.17.4",
        ]
    )
    func noMetadata(reply: String) {
        #expect(DeliveryMetadata(reply: reply) == nil)
    }

    @Test(
        "Acknowledgements of a publish",
        arguments: [
            (#"{"stream":"E", "seq":7}"#, PublishAck(stream: "E", sequence: 7)),
            (#"{"stream":"E","seq":7}"#, PublishAck(stream: "E", sequence: 7)),
            (#"{"stream":"E", "seq":7,"duplicate": true}"#, PublishAck(stream: "E", sequence: 7, isDuplicate: true)),
            (#"{"stream":"E", "domain":"d", "seq":18446744073709551615}"#, PublishAck(stream: "E", sequence: .max)),
            (#"{ "seq" : 7, "duplicate" : false, "stream" : "\u0045" }"#, PublishAck(stream: "E", sequence: 7)),
        ]
    )
    func publishAck(text: String, expected: PublishAck) throws {
        #expect(try parse(text) == expected)
    }

    @Test(
        "Refusals of a publish, and what is no answer to one",
        arguments: [
            (#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"},"stream":"E","seq":0}"#, .wrongLastSequence),
            (#"{"error":{"code":503}}"#, .api(503)), ("hello", .invalidResponse), ("", .invalidResponse), ("{}", .invalidResponse),
            (#"{"stream":"E", "seq":7"#, .invalidResponse), (#"{"stream":"E", "seq":99999999999999999999}"#, .invalidResponse),
        ] as [(String, JetStreamError.Code)]
    )
    func refusal(text: String, code: JetStreamError.Code) {
        let error = #expect(throws: JetStreamError.self) { try parse(text) }
        #expect(error?.code == code)
    }

    private func parse(_ text: String) throws -> PublishAck {
        try Array(text.utf8).withUnsafeBytes { try PublishAck(response: $0) }
    }

    @Test("Which refusals are worth another try")
    func retriable() {
        for code: JetStreamError.Code in [.timeout, .disconnected, .noResponders, .insufficientResources, .clusterNotAvailable] {
            #expect(JetStreamError(code, "").isRetriable)
        }
        for code: JetStreamError.Code in [.wrongLastSequence, .streamNotFound, .closed, .cancelled, .client, .messageNotFound] {
            #expect(!JetStreamError(code, "").isRetriable)
        }
    }
}

@Suite("NKeys")
struct NKeyTests {
    static let seed = "SUAOQ4X27ID5T7VA4JM7CVF5P5PXPLNQ6QSD7WYXXKNTJJXPJ4KYSK22NE"

    @Test("The public key of a user seed")
    func publicKey() {
        #expect(NKey.publicKey(seed: Self.seed.utf8) == "UBRF3HQCSEOYQQZFPVNWAZRFTUDZ7BSAU7JN3JVCERG5F3WFBQTCVKJY")
    }

    @Test(
        "Damaged seeds and those of another kind",
        arguments: [
            "", "SU", "SUAOQ4X27ID5T7VA4JM7CVF5P5PXPLNQ6QSD7WYXXKNTJJXPJ4KYSK22NA",
            "SUAOQ4X27ID5T7VA4JM7CVF5P5PXPLNQ6QSD7WYXXKNTJJXPJ4KYSK22",
            "suaoq4x27id5t7va4jm7cvf5p5pxplnq6qsd7wyxxkntjjxpj4kysk22ne", "SAAI6QTCSNMVQCHPR2ZEHZ4GQGWNAZ5VD3VIEVV6KNJ4V3AK6KQYG3SF5Q",
        ]
    )
    func invalid(seed: String) {
        #expect(NKey.publicKey(seed: seed.utf8) == nil)
    }
}

@Suite("Tokens of requests")
struct TokenTests {
    @Test("Written and read back", arguments: [0, 1, 35, 36, 1_000_000, UInt64.max])
    func roundTrip(token: UInt64) {
        #expect(read(String(token, radix: 36)) == token)
    }

    @Test("What is none", arguments: ["", "A", "a.b", "-1", "3w5e11264sgsg", "zzzzzzzzzzzzzzzz"])
    func invalid(text: String) {
        #expect(read(text) == nil)
    }

    private func read(_ text: String) -> UInt64? {
        Array(text.utf8).withUnsafeBytes { UInt64(radix36: $0) }
    }
}

@Suite("The library's threads")
struct LibraryThreadTests {
    /// Without that, each wake-up preempts the thread that releases a message.
    @Test("Of nats.c's threads, only the garbage collection of messages has its policy")
    func policies() async throws {
        try #require(NATSLibrary.isOpen)
        let threads = LibraryThreads.threads
        try #require(threads.count == 1)
        func wakeUps() throws -> String? {
            try String(contentsOfFile: "/proc/self/task/\(threads[0])/status", encoding: .utf8)
                .split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches") }.map(String.init)
        }
        // Another thread of nats.c would not wake up as often.
        for _ in 0..<20 {
            let before = try wakeUps()
            var message: OpaquePointer?
            try #require(natsMsg_Create(&message, "subject", nil, nil, 0) == NATS_OK)
            natsMsg_Destroy(message)
            try #require(try await eventually(timeout: .seconds(5)) { try wakeUps() != before })
        }
    }
}
