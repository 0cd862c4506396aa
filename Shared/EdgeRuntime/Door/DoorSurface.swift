package import HTTPTypes

/// Validates requests on the surface of an edge, called by the delivery loop that accepted the connection.
package protocol DoorSurface: Sendable {
    /// Validates a request without waiting. On a delivery loop's thread.
    ///
    /// - Returns: the requested stream, and its route; nil for everything else, errors included: the NIO front then validates the request again and answers.
    func stream(for request: HTTPRequest) -> (stream: StreamRequest, route: String)?

    /// Reports that the stream was opened.
    ///
    /// - Parameters:
    ///   - route: the path of the route.
    ///   - duration: since the connection was accepted.
    func opened(_ stream: StreamRequest, at route: String, for request: HTTPRequest, after duration: Duration)
}
