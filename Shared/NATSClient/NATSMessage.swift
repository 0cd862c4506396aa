/// A received message, copied.
public struct NATSMessage: Sendable {
    /// The subject of the message.
    public let subject: String
    /// The subject for an answer; nil if absent.
    public let reply: String?
    /// Its headers.
    public let headers: NATSHeaders
    /// Its body.
    public let payload: [UInt8]

    /// Creates a message, for tests and simulated deliveries.
    public init(subject: String, reply: String? = nil, headers: NATSHeaders = [:], payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }
}
