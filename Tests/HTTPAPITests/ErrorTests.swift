import AccessControl
import Basics
import EventModel
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import TestKit
import Testing

@Suite("Errors")
struct ErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let error: APIError
        let status: Int
        let code: String
        var header: HTTPField.Name?
        var value: String?

        var testDescription: String { code }
    }

    @Test(
        "Codes and statuses of contract §1",
        arguments: [
            Case(error: .unauthorized("m"), status: 401, code: "unauthorized", header: .wwwAuthenticate, value: "Bearer"),
            Case(error: .forbidden("m"), status: 403, code: "forbidden"),
            Case(error: .notFound("m"), status: 404, code: "not_found"),
            Case(error: .gone("m"), status: 410, code: "gone"),
            Case(
                error: .methodNotAllowed(allow: [.get, .post]),
                status: 405,
                code: "method_not_allowed",
                header: .allow,
                value: "GET, POST"
            ),
            Case(error: .validation("m"), status: 400, code: "validation_error"),
            Case(error: .alreadyResolved("m"), status: 409, code: "already_resolved"),
            Case(error: .selfApproval("m"), status: 403, code: "self_approval"),
            Case(error: .alreadyVoted("m"), status: 409, code: "already_voted"),
            Case(error: .notApproved("m"), status: 409, code: "not_approved"),
            Case(error: .alreadyConsumed("m"), status: 409, code: "already_consumed"),
            Case(error: .expired("m"), status: 409, code: "expired"),
            Case(error: .conflict("m"), status: 409, code: "conflict"),
            Case(error: .payloadTooLarge(maximumBytes: 10), status: 413, code: "payload_too_large"),
            Case(error: .unsupportedMediaType(accepted: ["a/b"]), status: 415, code: "unsupported_media_type"),
            Case(error: .rateLimited("m", retryAfter: 7), status: 429, code: "rate_limited", header: .retryAfter, value: "7"),
            Case(error: .internal, status: 500, code: "internal"),
            Case(error: .serviceUnavailable("m", retryAfter: 3), status: 503, code: "service_unavailable", header: .retryAfter, value: "3"),
        ]
    )
    func table(_ testCase: Case) async throws {
        let router = Router.api()
        router.get("/") { _, _ -> String in throw testCase.error }
        try await Application(router: router).test(.router) { client in
            let response = try await client.execute(uri: "/", method: .get)
            #expect(response.status.code == testCase.status)
            #expect(response.headers[.contentType] == "application/json")
            #expect(response.headers[.requestID]?.isEmpty == false)
            #expect(response.text == "{\"error\":\"\(testCase.code)\",\"message\":\"\(testCase.error.message)\"}")
            if let header = testCase.header { #expect(response.headers[header] == testCase.value) }
        }
    }

    @Test func everyCodeIsInTheTable() {
        #expect(APIError.Code.allCases.count == 18)
    }

    @Test("Retry-After means that the same request can succeed later", arguments: APIError.Code.allCases)
    func retriable(_ code: APIError.Code) {
        #expect(code.isRetriable == [.rateLimited, .serviceUnavailable].contains(code))
        #expect(code.isRetriable == [429, 503].contains(code.status.code))
    }

    @Test(
        "What Hummingbird and the libraries below throw",
        arguments: [
            (HTTPError(.notFound), .notFound), (HTTPError(.badRequest, message: "m"), .validationError),
            (HTTPError(.contentTooLarge), .payloadTooLarge),
            (HTTPError(.unprocessableContent), .validationError), (HTTPError(.internalServerError), .internal),
            (HTTPError(.badGateway), .internal),
            (HTTPError(.unauthorized), .unauthorized), (HTTPError(.forbidden), .forbidden),
            (HTTPError(.serviceUnavailable), .serviceUnavailable),
            (HTTPError(.conflict), .validationError), (CancellationError(), .serviceUnavailable),
            (ValidationError(field: "type", message: "must not be empty"), .validationError),
            (SampleService.UnforeseenError(), .internal),
        ] as [(any Error, APIError.Code)]
    )
    func mapping(_ error: any Error, _ code: APIError.Code) async throws {
        let router = Router.api()
        router.get("/") { _, _ -> String in throw error }
        try await Application(router: router).test(.router) { client in
            let response = try await client.execute(uri: "/", method: .get)
            #expect(response.isError(code), "\(response.status) \(response.text)")
        }
    }

    @Test func aFieldThatIsWrongIsNamed() {
        #expect(APIError(ValidationError(field: "payload.incidentId", message: "is required")).message == "payload.incidentId: is required")
    }

    @Test func theCauseOfAnUnforeseenErrorIsLoggedAndNotTold() async throws {
        try await SampleService.test { client, lines in
            let response = try await client.execute(uri: "/unforeseen", method: .get, headers: [.requestID: "id-7"])
            #expect(response.isError(.internal))
            #expect(!response.text.contains("1234"))
            let line = try #require(lines.named("Request failed").first)
            #expect(line.level == .error)
            #expect(line["error"]?.contains("1234") == true)
            #expect(line["hb.request.id"] == "id-7")
        }
    }

    @Test func theLogOfAnUnforeseenErrorShowsNoToken() async throws {
        let token = try await SampleService.token()
        try await SampleService.test { client, lines in
            _ = try await client.execute(uri: "/leak?token=\(token)", method: .get)
            #expect(lines.named("Request failed").count == 1)
            for line in lines.all { #expect(!line.text.contains(token.suffix(20))) }
        }
    }

    @Test func unknownPathsAreNotFound() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/nothing/here", method: .get)
            #expect(response.isError(.notFound))
            #expect(response.headers[.requestID] != nil)
        }
    }

    @Test func errorsHaveNoBodyForHEAD() async throws {
        try await SampleService.test { client, _ in
            let get = try await client.execute(uri: "/nothing", method: .get)
            let head = try await client.execute(uri: "/nothing", method: .head)
            #expect(head.status == .notFound)
            #expect(head.body.readableBytes == 0)
            #expect(head.headers[.contentLength] == "\(get.body.readableBytes)")
        }
    }

    @Test func aMessageIsEscaped() async throws {
        let router = Router.api()
        router.get("/") { _, _ -> String in throw APIError.validation("a \"quote\" and a / and a \n") }
        try await Application(router: router).test(.router) { client in
            let response = try await client.execute(uri: "/", method: .get)
            #expect(response.text == #"{"error":"validation_error","message":"a \"quote\" and a / and a \n"}"#)
        }
    }
}

@Suite("Route table")
struct RouteTableTests {
    @Test(
        "Other methods of a known path",
        arguments: [
            ("/items/7", HTTPRequest.Method.delete, "GET, HEAD, OPTIONS, POST"), ("/items/7", .put, "GET, HEAD, OPTIONS, POST"),
            ("/items/7", .trace, "GET, HEAD, OPTIONS, POST"), ("/body", .get, "OPTIONS, POST"), ("/body", .head, "OPTIONS, POST"),
            ("/open", .post, "GET, HEAD, OPTIONS"), ("/any", .patch, "GET, HEAD, OPTIONS"),
        ]
    )
    func otherMethods(_ path: String, _ method: HTTPRequest.Method, _ allow: String) async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: path, method: method)
            #expect(response.status == .methodNotAllowed)
            #expect(response.headers[.allow] == allow)
            #expect(method == .head ? response.body.readableBytes == 0 : response.isError(.methodNotAllowed))
        }
    }

    @Test func optionsNamesTheMethods() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/items/7", method: .options)
            #expect(response.status == .noContent)
            #expect(response.headers[.allow] == "GET, HEAD, OPTIONS, POST")
        }
    }

    @Test func headIsGetWithoutTheBody() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/open", method: .head, headers: [.requestID: "12345"])
            #expect(response.status == .ok)
            #expect(response.body.readableBytes == 0)
            #expect(response.headers[.contentLength] == "5")
        }
    }

    @Test func headNeedsTheSameTokenAsGet() async throws {
        try await SampleService.test { client, _ in
            let response = try await client.execute(uri: "/any", method: .head)
            #expect(response.status == .unauthorized)
        }
    }

    @Test func anUpgradeHasNoHead() async throws {
        let router = Router.api()
        let routes = RouteTable(router)
        routes.upgrade("socket") { _, _ in "get" }
        routes.refuseOtherMethods()
        try await Application(router: router).test(.router) { client in
            let options = try await client.execute(uri: "/socket", method: .options)
            #expect(options.status == .noContent && options.headers[.allow] == "GET, OPTIONS")
            let head = try await client.execute(uri: "/socket", method: .head)
            #expect(head.status == .methodNotAllowed && head.headers[.allow] == "GET, OPTIONS")
            #expect(try await client.execute(uri: "/socket", method: .get).status == .ok)
        }
    }

    @Test func aHeadOfItsOwnIsKept() async throws {
        let router = Router.api()
        let routes = RouteTable(router)
        routes.get("x") { _, _ in "get" }
        routes.head("x") { _, _ in HTTPResponse.Status.accepted }
        routes.refuseOtherMethods()
        try await Application(router: router).test(.router) { client in
            let response = try await client.execute(uri: "/x", method: .head)
            #expect(response.status == .accepted)
        }
    }

    @Test func methodsNobodyHasHeardOfAreNotFound() async throws {
        try await SampleService.test { client, _ in
            let brew = try #require(HTTPRequest.Method("BREW"))
            let response = try await client.execute(uri: "/open", method: brew)
            #expect(response.isError(.notFound))
        }
    }
}
