/// A message that was received, as a copy that may be kept and passed on.
public struct NATSMessage: Sendable {
    /// The subject that it was published on.
    public let subject: String
    /// Where an answer goes; nil if none is expected.
    public let reply: String?
    /// Its headers.
    public let headers: NATSHeaders
    /// Its body.
    public let payload: [UInt8]

    /// Creates a message, for tests and for handlers that feed themselves.
    public init(subject: String, reply: String? = nil, headers: NATSHeaders = [:], payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }
}
