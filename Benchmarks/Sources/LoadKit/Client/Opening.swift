/// A stream to be opened.
struct Opening: Sendable {
    let address: SocketAddress
    /// The bytes of the handshake.
    let request: [UInt8]
    /// The counter of the last event before the cursor that the request resumes from; 0 without one.
    var lastCounter: UInt64 = 0
}

/// What tells an accepted handshake from a refused one.
struct OpeningRule: Sendable {
    /// The longest head and first block that is waited for, in bytes.
    static let maximumBytes = 8192

    /// The HTTP status of an accepted handshake.
    let acceptedStatus: Int
    /// Bytes of the first block or frame.
    let marker: [UInt8]

    enum Verdict: Equatable {
        case incomplete
        /// The stream stands; `rest` bytes at the end of what came are behind the marker.
        case opened(rest: Int)
        /// The status line, or the end of what came, as the reason.
        case refused(String)
    }

    /// Judges everything that has come from a server so far.
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
