import AccessControl
import Basics
import Hummingbird

extension APIRequestContext {
    /// A part of the path with percent-encoding undone (RFC 3986 §2.1), whatever characters that yields, a slash included.
    ///
    /// - Parameter name: what the route calls it.
    /// - Returns: nil when the route has no such part, or it does not decode to UTF-8.
    public func decodedPathParameter(_ name: String) -> String? {
        // Only in a query does a plus stand for a space.
        guard let text = parameters.get(name), text.isDecodedText else { return nil }
        return PercentEncoding.strictlyDecoded(text.utf8, plusIsSpace: false).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
