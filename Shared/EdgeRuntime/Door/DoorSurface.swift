package import HTTPTypes

/// The surface of an edge, as the delivery loop asks it that has accepted a connection.
package protocol DoorSurface: Sendable {
    /// Judges a request without waiting. On a delivery loop's thread.
    ///
    /// - Returns: the stream that it asks for; nil for everything else, errors included: then the NIO front judges it again and answers.
    func stream(for request: HTTPRequest) -> StreamRequest?

    /// The stream was opened.
    ///
    /// - Parameter duration: since the connection was accepted.
    func opened(_ stream: StreamRequest, for request: HTTPRequest, after duration: Duration)
}
