import HTTPAPI
import Hummingbird
import NIOCore

/// `GET /openapi.json`: the description of every REST surface of the project, for anybody.
struct OpenAPIRoute: Sendable {
    private static let path: RouterPath = "/openapi.json"

    private let document: [UInt8]

    /// - Throws: when the description is not what it should be.
    init() throws {
        document = try OpenAPIDocument.json()
    }

    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.path) { [document] _, _ in Response.json(encoded: ByteBuffer(bytes: document)) }
    }
}
