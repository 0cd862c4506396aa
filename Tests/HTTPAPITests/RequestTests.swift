import Basics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import HTTPAPI

@Suite("Query parameters")
struct QueryParametersTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let query: String?
        let name: String
        let values: [String]

        var testDescription: String { query ?? "nil" }
    }

    @Test(arguments: [
        Case(query: nil, name: "a", values: []), Case(query: "", name: "a", values: []), Case(query: "a=1", name: "a", values: ["1"]),
        Case(query: "a=1&b=2&a=3", name: "a", values: ["1", "3"]), Case(query: "a=", name: "a", values: [""]),
        Case(query: "a", name: "a", values: [""]), Case(query: "&&a=1&", name: "a", values: ["1"]),
        Case(query: "a=b=c", name: "a", values: ["b=c"]), Case(query: "a=1", name: "A", values: []),
        Case(query: "%61=%31%2b+%26", name: "a", values: ["1+ &"]), Case(query: "a=%C3%A9", name: "a", values: ["é"]),
        Case(query: "=1", name: "", values: ["1"]), Case(query: "a=1;b=2", name: "a", values: ["1;b=2"]),
    ])
    func decoding(_ testCase: Case) throws {
        #expect(try QueryParameters(testCase.query).values(testCase.name) == testCase.values)
        #expect(try QueryParameters(unbounded: testCase.query).values(testCase.name) == testCase.values)
    }

    @Test("What cannot be decoded is a fault for who asks for it", arguments: ["a=%", "a=%4", "a=%zz", "b=1&a=%ff", "a=%C3"])
    func undecodable(_ query: String) throws {
        let parameters = try QueryParameters(query + "&%zz=1&c=2")
        let error = #expect(throws: APIError.self) { try parameters.values("a") }
        #expect(error?.code == .validationError && error?.message.hasPrefix("a:") == true)
        #expect(throws: APIError.self) { try parameters.value("a") }
        #expect(parameters.decodableValues("a").isEmpty)
        #expect(try parameters.value("c") == "2")
        #expect(QueryParameters(unbounded: query).decodableValues("a").isEmpty)
        #expect(QueryParameters(unbounded: query + "&c=2").decodableValues("c") == ["2"])
    }

    @Test(
        "A cursor is never refused or passed over",
        arguments: [
            ("lastEventId=1", "1"), ("lastEventID=1", "1"), ("Last-Event-ID=1", "1"), ("lasteventid=1", "1"), ("last-event-id=1", "1"),
            ("LAST_EVENT_ID=1", "1"), ("last%5Fevent%5fid=1", "1"), ("last_event_id=1&lastEventId=2", "1&2"), ("lastEventId", ""),
            ("last_event=1", nil), ("last_event_ids=1", nil), ("id=1", nil), ("last%zzevent_id=1", nil),
            ("x=" + String(repeating: "x", count: 70_000) + "&lastEventId=1", "1"),
            (String(repeating: "a&", count: 1000) + "last_event_id=1", "1"),
            ("a=1", nil), ("last_event_id=", ""), ("last_event_id", ""), ("last_event_id=evt_%31", "evt_1"), ("last_event_id=%zz", "%zz"),
            ("last_event_id=%FF", "%FF"), ("last_event_id=&last_event_id=", "&"), ("last_event_id=1&last_event_id=%", "1&%"),
        ] as [(String, String?)]
    )
    func lastEventID(_ query: String, _ cursor: String?) throws {
        #expect(QueryParameters(unbounded: query).lastEventID == cursor)
    }

    @Test(
        "The header wins over the query, and several are one that is unknown",
        arguments: [
            ([], "1"), (["2"], "2"), ([""], ""), (["2", "3"], "2, 3"), (["", ""], ", "),
            ([String(repeating: "x", count: 10_000)], String(repeating: "x", count: 10_000)),
        ]
    )
    func header(_ values: [String], _ cursor: String) {
        var head = HTTPRequest(method: .get, scheme: nil, authority: "edge", path: "/?lastEventId=1")
        head.headerFields[values: .lastEventID] = values
        #expect(Request(head: head, body: RequestBody(buffer: ByteBuffer())).lastEventID == cursor)
    }

    @Test func lengthAndNumberAreBounded() throws {
        let longest = "a=" + String(repeating: "x", count: QueryParameters.maximumBytes - 2)
        #expect(try QueryParameters(longest).values("a").first?.count == QueryParameters.maximumBytes - 2)
        #expect(throws: APIError.self) { try QueryParameters(longest + "x") }
        #expect(QueryParameters(unbounded: longest + "x").decodableValues("a").count == 1)
        let most = Array(repeating: "a=1", count: QueryParameters.maximumCount).joined(separator: "&")
        #expect(try QueryParameters(most).values("a").count == QueryParameters.maximumCount)
        #expect(throws: APIError.self) { try QueryParameters(most + "&a=1") }
        #expect(QueryParameters(unbounded: most + "&a=1&a=1").decodableValues("a").count == QueryParameters.maximumCount + 2)
    }

    @Test func oneValueIsOneValue() throws {
        #expect(try QueryParameters("a=1").value("a") == "1")
        #expect(try QueryParameters("a=1").value("b") == nil)
        let error = #expect(throws: APIError.self) { try QueryParameters("a=1&a=1").value("a") }
        #expect(error?.message.hasPrefix("a:") == true)
    }

    @Test func aRequestsQueryIsRead() async throws {
        try await SampleService.test { client, _ in
            let given = try await client.execute(uri: "/query?a=%31", method: .get)
            let absent = try await client.execute(uri: "/query", method: .get)
            let undecodable = try await client.execute(uri: "/query?a=%", method: .get)
            #expect(given.text == "1")
            #expect(absent.text == "-")
            #expect(undecodable.isError(.validationError))
        }
    }
}

@Suite("Request body")
struct RequestBodyTests {
    @Test func theLimitItselfIsAccepted() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/body", method: .post, body: ByteBuffer(string: "0123456789"))
            #expect(response.text == "0123456789")
        }
    }

    @Test func aDeclaredLengthBeyondTheLimitIsRefused() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/body", method: .post, body: ByteBuffer(string: "0123456789a"))
            #expect(response.isError(.payloadTooLarge))
            #expect(response.text.contains("at most 10 bytes"))
        }
    }

    @Test func nothingIsReadOfABodyThatIsDeclaredTooLarge() async throws {
        let unread = AsyncThrowingStream<ByteBuffer, any Error> { throw CancellationError() }
        let error = await #expect(throws: APIError.self) {
            try await request(headers: [.contentLength: "11"], chunks: unread).readBody(upTo: 10)
        }
        #expect(error?.code == .payloadTooLarge)
    }

    @Test(
        "A body of undeclared length",
        arguments: [(["01234", "56789"], true), (["01234", "56789", "a"], false), ([], true), (["0123456789a"], false)]
    )
    func undeclared(_ chunks: [String], _ isAccepted: Bool) async throws {
        let stream = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            for chunk in chunks { continuation.yield(ByteBuffer(string: chunk)) }
            continuation.finish()
        }
        do {
            let body = try await request(chunks: stream).readBody(upTo: 10)
            #expect(isAccepted)
            #expect(String(buffer: body) == chunks.joined())
        } catch let error as APIError {
            #expect(!isAccepted)
            #expect(error.code == .payloadTooLarge)
        }
    }

    struct ContentTypeCase: Sendable {
        let field: String?
        var assumed: String?
        let type: String?
    }

    @Test(arguments: [
        ContentTypeCase(field: "application/json", type: "application/json"),
        ContentTypeCase(field: "Application/JSON ; charset=UTF-8", type: "application/json"),
        ContentTypeCase(field: "application/json;charset=\"utf-8\";x=y", type: "application/json"),
        ContentTypeCase(field: "application/cloudevents+json", type: "application/cloudevents+json"),
        ContentTypeCase(field: nil, assumed: "application/json", type: "application/json"),
        ContentTypeCase(field: nil, type: nil),
        ContentTypeCase(field: "", assumed: "application/json", type: nil),
        ContentTypeCase(field: "text/plain", assumed: "application/json", type: nil),
        ContentTypeCase(field: "application/json; charset=iso-8859-1", type: nil),
        ContentTypeCase(field: "application/jsonp", type: nil),
        ContentTypeCase(field: "json", type: nil),
    ])
    func contentType(_ testCase: ContentTypeCase) {
        var headers = HTTPFields()
        headers[.contentType] = testCase.field
        let request = Request(
            head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/", headerFields: headers),
            body: RequestBody(buffer: ByteBuffer())
        )
        let accepted = ["application/json", "application/cloudevents+json"]
        do throws(APIError) {
            #expect(try request.requireContentType(anyOf: accepted, assuming: testCase.assumed) == testCase.type)
        } catch {
            #expect(testCase.type == nil)
            #expect(error.code == .unsupportedMediaType)
            #expect(error.message.contains("application/json or application/cloudevents+json"))
        }
    }

    @Test func aBodyOfTheWrongTypeIsRefused() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(
                uri: "/typed",
                method: .post,
                headers: [.contentType: "text/plain"],
                body: ByteBuffer(string: "{}")
            )
            #expect(response.isError(.unsupportedMediaType))
        }
    }

    private func request(headers: HTTPFields = [:], chunks: AsyncThrowingStream<ByteBuffer, any Error>) -> Request {
        Request(
            head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/", headerFields: headers),
            body: RequestBody(asyncSequence: chunks)
        )
    }
}

@Suite("JSON responses")
struct JSONResponseTests {
    @Test func membersAreSortedAndSlashesAreNotEscaped() throws {
        let response = try Response.json(["b": "/", "a": "é"], status: .created, headers: [.contentType: "text/plain"])
        #expect(response.status == .created)
        #expect(response.headers[.contentType] == "application/json")
        #expect(response.headers[.contentLength] == "18")
    }
}

@Suite("The network of a client")
struct ClientNetworkTests {
    @Test(
        "The nearest trusted proxy tells it, else the peer's address is it",
        arguments: [
            ([], "10.0.0.1"), (["192.0.2.1"], "192.0.2.1"), (["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (["203.0.113.9", "192.0.2.1 "], "192.0.2.1"), (["unknown"], "10.0.0.1"), ([""], "10.0.0.1"),
        ]
    )
    func network(_ values: [String], _ address: String) throws {
        #expect(throws: ValidationError.self, "no peer would match") { try TrustedProxies(["10.0.0.0/8", "::ffff:10.0.0.0/104"]) }
        let proxies = try TrustedProxies(["10.0.0.0/8"])
        var head = HTTPRequest(method: .get, scheme: nil, authority: "edge", path: "/")
        head.headerFields[values: try #require(HTTPField.Name("X-Forwarded-For"))] = values
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let peer = try SocketAddress(ipAddress: "10.0.0.1", port: 1)
        let network = try #require(ClientNetwork(address))
        #expect(proxies.client(of: request, peer: peer) == network)
        #expect(proxies.client(of: request, peer: try SocketAddress(ipAddress: "::ffff:10.0.0.1", port: 1)) == network)
        #expect(proxies.client(of: request, peer: nil) == nil)
        // Another peer could name any address.
        for stranger in ["198.51.100.7", "2001:db8::1"] {
            let peer = try SocketAddress(ipAddress: stranger, port: 1)
            #expect(proxies.client(of: request, peer: peer) == ClientNetwork(stranger))
            #expect(TrustedProxies.none.client(of: request, peer: peer) == ClientNetwork(stranger))
        }
    }
}
