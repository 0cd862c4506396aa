import Glibc

/// Reads the first block of a notification stream, which has the cursor of its start (contract §4).
enum StreamHead {
    private static let timeout = 10

    /// Opens a stream, returns the cursor of its start, and closes it.
    ///
    /// - Parameter request: The handshake's bytes.
    static func cursor(at address: SocketAddress, _ request: [UInt8]) throws(LoadError) -> String {
        let descriptor = try address.connected(timeout: timeout)
        defer { close(descriptor) }
        try SystemCall.sendAll(request, to: descriptor)
        var head: [UInt8] = []
        while head.count < OpeningRule.maximumBytes {
            let chunk = [UInt8](unsafeUninitializedCapacity: 4096) { $1 = max(0, recv(descriptor, $0.baseAddress, $0.count, 0)) }
            guard !chunk.isEmpty else { break }
            head += chunk
            let text = String(decoding: head, as: UTF8.self)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() where line.hasPrefix("id: ") {
                return String(line.dropFirst(4))
            }
        }
        throw LoadError("A stream did not begin with an id; it said: \(String(decoding: head.prefix(256), as: UTF8.self))")
    }

    /// Waits until new streams begin behind `cursor` and the start no longer moves: then the edge has read everything published.
    static func awaitCursor(after cursor: String, at address: SocketAddress, _ request: [UInt8]) throws(LoadError) {
        var last = cursor
        let isThere = try MonotonicClock.wait(60_000_000_000, every: 100_000_000) { () throws(LoadError) -> Bool in
            let now = try self.cursor(at: address, request)
            defer { last = now }
            return now == last && now != cursor
        }
        guard isThere else { throw LoadError("The edge did not read what was published within a minute; look at its log.") }
    }
}
