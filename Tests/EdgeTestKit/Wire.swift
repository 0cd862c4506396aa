import Glibc
import Synchronization
public import TestKit

/// A client's raw connection to an edge.
public final class Wire: Sendable {
    /// The bytes received so far.
    private let received = Mutex<(bytes: [UInt8], isOver: Bool)>(([], false))
    private let descriptor: Int32

    /// Connects to a port on loopback.
    public init(_ port: Int) throws(TestKitError) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let connected = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw TestKitError("Nobody listens on port \(port).") }
    }

    deinit { close(descriptor) }

    /// Sends a request without a body, and reads the head of the response.
    ///
    /// - Parameters:
    ///   - fields: header lines besides `Host`, sent unchanged.
    ///   - more: bytes sent in the same write, after the request.
    public static func request(
        _ port: Int,
        _ method: String,
        _ target: String,
        _ fields: [String] = [],
        followedBy more: [UInt8] = []
    ) async throws -> Answer {
        let wire = try Wire(port)
        let lines = ["\(method) \(target) HTTP/1.1", "Host: 127.0.0.1:\(port)"] + fields
        try wire.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + more)
        return try await Answer(wire, method)
    }

    /// Sends bytes.
    public func send(_ bytes: [UInt8]) throws(TestKitError) {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw TestKitError("The edge does not take what is sent.")
        }
    }

    /// Waits until the received bytes satisfy a condition, or the edge has closed the connection. Returns all received bytes.
    public func read(timeout: Duration = .seconds(20), _ isEnough: ([UInt8]) -> Bool) async -> [UInt8] {
        _ = await eventually(timeout: timeout) {
            let (bytes, isOver) = take()
            return isOver || isEnough(bytes)
        }
        return received.withLock { $0.bytes }
    }

    /// Waits until the edge has closed the connection. Returns all received bytes; nil on timeout.
    public func readToEnd() async -> [UInt8]? {
        let bytes = await read { _ in false }
        return received.withLock { $0.isOver } ? bytes : nil
    }

    /// Reads the available bytes without waiting.
    private func take() -> (bytes: [UInt8], isOver: Bool) {
        received.withLock { state in
            var buffer = [UInt8](repeating: 0, count: 16384)
            while !state.isOver {
                let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    state.bytes += buffer[..<count]
                } else if count == 0 || errno != EAGAIN {
                    state.isOver = true
                } else {
                    break
                }
            }
            return state
        }
    }
}

/// A response of an edge; more of its body may follow.
public struct Answer: Sendable {
    /// Its connection.
    public let wire: Wire
    /// The status code.
    public let status: Int
    /// The header fields by lower-case name; several values of a name are joined by commas.
    public let fields: [String: String]
    private let headBytes: Int
    private let hasNoBody: Bool

    init(_ wire: Wire, _ method: String) async throws(TestKitError) {
        let end = Array("\r\n\r\n".utf8)
        func length(_ bytes: [UInt8]) -> Int? {
            bytes.indices.first { bytes[$0...].starts(with: end) }.map { $0 + 4 }
        }
        let bytes = await wire.read { length($0) != nil }
        guard let count = length(bytes) else { throw TestKitError("There is no answer: \(String(decoding: bytes, as: UTF8.self))") }
        let lines = String(decoding: bytes[..<(count - 4)], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)) else {
            throw TestKitError("This is no answer: \(lines)")
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw TestKitError("This is no field: \(line)") }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[name] = fields[name].map { "\($0), \(value)" } ?? String(value)
        }
        self.wire = wire
        self.status = status
        self.fields = fields
        headBytes = count
        hasNoBody = method == "HEAD" || status == 204
    }

    /// Waits until the body satisfies a condition, or the edge has ended it. Returns the body from its beginning.
    public func bytes(timeout: Duration = .seconds(20), _ isEnough: ([UInt8]) -> Bool) async -> [UInt8] {
        let bytes = await wire.read(timeout: timeout) { isEnough(Array($0[headBytes...])) }
        return Array(bytes[headBytes...])
    }

    /// As ``bytes(timeout:_:)``, for a text body.
    public func text(timeout: Duration = .seconds(20), _ isEnough: (String) -> Bool) async -> String {
        String(decoding: await bytes(timeout: timeout) { isEnough(String(decoding: $0, as: UTF8.self)) }, as: UTF8.self)
    }

    /// Waits until the body ends with a text. Returns the body.
    public func text(until end: String) async -> String { await text { $0.hasSuffix(end) } }

    /// The complete body, up to its `Content-Length` or the end of the connection.
    public var body: String {
        get async {
            if hasNoBody { return "" }
            guard let length = fields["content-length"].flatMap({ Int($0) }) else { return await text { _ in false } }
            return String(decoding: await bytes { $0.count >= length }, as: UTF8.self)
        }
    }

    /// The complete body of a stream that the edge ends; nil if the connection stays open.
    public var ended: String? {
        get async { await wire.readToEnd().map { String(decoding: $0[headBytes...], as: UTF8.self) } }
    }
}
