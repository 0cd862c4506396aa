import Basics
import HTTPTypes

/// A connection that a delivery loop has accepted, and its request for a stream, which is still unread.
struct DoorArrival: Sendable {
    /// The connection.
    var descriptor: Int32
    /// Length of the request's head in bytes, all of which have arrived.
    var headLength: Int
    var request: HTTPRequest
    /// The requested stream, and the path of its route.
    var stream: StreamRequest
    var route: String
    /// When the connection was accepted, by the loop's clock.
    var acceptedAt: MonotonicInstant
}

/// The places of a stream that is about to be opened. Both are released on deinit.
struct ReservedStream: ~Copyable {
    var admission: Admission
    var place: DescriptorBudget.Place
}

/// The result of opening a stream without waiting.
enum QuickOpening: ~Copyable {
    /// The edge owns the connection.
    case opened
    /// The log has to be read to resolve the start of the stream.
    case needsLog(ReservedStream)
    /// The stream cannot be opened: the HTTP server answers.
    case refused
}
