import AccessControl
import Basics
import Hummingbird

extension APIRequestContext {
    /// Returns a percent-decoded path parameter (RFC 3986 §2.1), with any characters, slashes included.
    ///
    /// - Parameter name: its name in the route.
    /// - Returns: nil when the route has no such parameter, or it is not UTF-8.
    public func decodedPathParameter(_ name: String) -> String? {
        // A plus means a space only in a query.
        guard let text = parameters.get(name), text.isDecodedText else { return nil }
        return PercentEncoding.strictlyDecoded(text.utf8, plusIsSpace: false).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
