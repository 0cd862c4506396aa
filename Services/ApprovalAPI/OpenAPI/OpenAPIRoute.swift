import HTTPAPI
import Hummingbird
import NIOCore

/// `GET /openapi.json`: the description of all REST surfaces of the project, without authentication.
struct OpenAPIRoute: Sendable {
    private static let path: RouterPath = "/openapi.json"

    private let document: [UInt8]

    /// - Throws: if the embedded YAML is malformed.
    init() throws {
        document = try OpenAPIDocument.json()
    }

    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.path) { [document] _, _ in Response.json(encoded: ByteBuffer(bytes: document)) }
    }
}
