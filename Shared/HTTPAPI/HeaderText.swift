package import Basics
package import HTTPTypes
public import Hummingbird

/// Refuses requests with invalid UTF-8 in a significant header (contract §10), on every route.
///
/// SwiftNIO replaces invalid bytes by U+FFFD, so different bytes would become the same text: one id for two events, one name for two
/// tenants. A value with U+FFFD is therefore refused; to send that character itself, percent-encode it where the header allows that.
///
/// Exempt: cursors, which are never refused (contract §3), and tokens, which are ASCII only.
public struct HeaderTextMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    /// Creates the middleware.
    public init() {}

    /// Checks the headers, then calls `next`; throws `validation_error`.
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
    /// Whether no byte was replaced in decoding, as far as can be known.
    package var isDecodedText: Bool { !unicodeScalars.contains("\u{FFFD}") }
}

extension HTTPFields {
    /// Returns the value of a header that may occur once; nil when absent.
    ///
    /// - Parameter field: The header's name in errors.
    /// - Throws: when it occurs more than once, or is not UTF-8.
    package func onlyText(_ name: HTTPField.Name, field: String? = nil) throws(ValidationError) -> String? {
        let values = self[values: name]
        guard let value = values.first else { return nil }
        let field = field ?? name.canonicalName
        guard values.count == 1 else { throw ValidationError(field: field, message: "must not be given more than once") }
        guard value.isDecodedText else { throw ValidationError(field: field, message: "must be UTF-8") }
        return value
    }
}
