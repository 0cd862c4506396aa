/// A stream to be opened.
struct Opening: Sendable {
    let address: SocketAddress
    /// The bytes of the handshake.
    let request: [UInt8]
    /// The counter of the last event before the cursor that the request resumes from; 0 without one.
    var lastCounter: UInt64 = 0
}

/// Recognises accepted and refused handshakes.
struct OpeningRule: Sendable {
    /// Maximum size of the head and the first block, in bytes.
    static let maximumBytes = 8192

    /// The HTTP status of an accepted handshake.
    let acceptedStatus: Int
    /// Bytes of the first block or frame.
    let marker: [UInt8]

    enum Verdict: Equatable {
        case incomplete
        /// The stream is open; the last `rest` bytes are behind the marker.
        case opened(rest: Int)
        /// Refused, with the status line or the end of the received bytes as the reason.
        case refused(String)
    }

    /// Returns the verdict on all bytes received so far.
    func verdict(_ bytes: [UInt8]) -> Verdict {
        let statusLine = "HTTP/1.1 \(acceptedStatus)"
        guard bytes.starts(with: statusLine.utf8.prefix(bytes.count)) else {
            return .refused(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
        }
        let last = bytes.count - marker.count
        if last >= 0, let found = (0...last).first(where: { bytes[$0...].starts(with: marker) }) {
            return .opened(rest: last - found)
        }
        return bytes.count < Self.maximumBytes ? .incomplete : .refused("no first block within \(Self.maximumBytes) bytes")
    }
}
