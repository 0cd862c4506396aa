package import HTTPTypes
package import NIOCore

/// Answers plain requests on the event loop that read them, without a task. Everything else is left to the router, errors in a request
/// included.
///
/// A rule of the router holds here too: it is in a function that both call, or the responder leaves what it concerns to the router.
package protocol QuickResponder: Sendable {
    /// Whether the request may be answered here, as far as its head tells. On the connection's event loop.
    func mayAnswer(_ request: HTTPRequest) -> Bool

    /// Answers a request, if that needs no waiting but for one callback. On the connection's event loop; must not block.
    ///
    /// - Parameters:
    ///   - request: one that ``mayAnswer(_:)`` accepts.
    ///   - body: its whole body.
    ///   - completion: takes the response; called once, on any thread.
    /// - Returns: whether the request has a valid token and is answered here. If not, nothing has happened, and the router answers it.
    func answer(_ request: HTTPRequest, _ body: ByteBuffer, completion: @escaping @Sendable (QuickResponse) -> Void) -> Bool
}

/// A response that is sent at once.
package struct QuickResponse: Sendable {
    package var status: HTTPResponse.Status
    /// Its fields, without `Content-Length` and `Date`.
    package var fields: HTTPFields
    package var body: ByteBuffer

    /// Creates a response.
    package init(status: HTTPResponse.Status, fields: HTTPFields, body: ByteBuffer) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}
