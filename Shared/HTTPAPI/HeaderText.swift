package import Basics
package import HTTPTypes
public import Hummingbird

/// Refuses a request with a header that carries meaning and is not UTF-8 (contract §10), on every route.
///
/// SwiftNIO replaces such bytes by U+FFFD before anybody sees them, so that different bytes would become the same text: two events one id, two tenants one
/// name. A value with U+FFFD is therefore refused; who means that character itself percent-encodes it where the header allows that.
///
/// Cursors are left out, because a client is never refused for a bad one (contract §3), and tokens, whose form has ASCII only.
public struct HeaderTextMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    public init() {}

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        for field in request.headers where Self.carriesMeaning(field.name.canonicalName) && !field.value.isDecodedText {
            throw APIError(ValidationError(field: field.name.canonicalName, message: "must be UTF-8"))
        }
        return try await next(request, context)
    }

    private static func carriesMeaning(_ name: String) -> Bool {
        name.hasPrefix("ce-") || name == "idempotency-key" || name == "x-tenant-id"
    }
}

extension String {
    /// Whether no byte was replaced when the text was decoded, as far as that can be told.
    package var isDecodedText: Bool { !unicodeScalars.contains("\u{FFFD}") }
}

extension HTTPFields {
    /// The value of a header that may stand once; nil when it is absent.
    ///
    /// - Parameter field: what errors call the header.
    /// - Throws: when it stands more than once, or is not UTF-8.
    package func onlyText(_ name: HTTPField.Name, field: String? = nil) throws(ValidationError) -> String? {
        let values = self[values: name]
        guard let value = values.first else { return nil }
        let field = field ?? name.canonicalName
        guard values.count == 1 else { throw ValidationError(field: field, message: "must not be given more than once") }
        guard value.isDecodedText else { throw ValidationError(field: field, message: "must be UTF-8") }
        return value
    }
}
