package import HTTPTypes

/// Validates requests on the surface of an edge, called by the delivery loop that accepted the connection.
package protocol DoorSurface: Sendable {
    /// Validates a request without waiting. On a delivery loop's thread.
    ///
    /// - Returns: the requested stream; nil for everything else, errors included: the NIO front then validates the request again and answers.
    func stream(for request: HTTPRequest) -> StreamRequest?

    /// Reports that the stream was opened.
    ///
    /// - Parameter duration: since the connection was accepted.
    func opened(_ stream: StreamRequest, for request: HTTPRequest, after duration: Duration)
}
