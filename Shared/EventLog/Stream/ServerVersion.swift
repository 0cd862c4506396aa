import NATSClient

/// The version of a nats-server.
struct ServerVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    var major: Int
    var minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses `2.10.4` or `2.11.0-RC.1`; nil if malformed.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
        self.init(major: major, minor: minor)
    }

    static func < (left: ServerVersion, right: ServerVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    var description: String { "\(major).\(minor)" }

    /// Asks the server for its version, which it tells any user since 2.10 (nats.c does not expose the handshake's). Nil without an answer: the
    /// server is older, or the user lacks permission.
    static func ofServer(behind connection: NATSConnection, timeout: Duration) async throws(EventLogError) -> ServerVersion? {
        do throws(NATSError) {
            let answer = try await connection.request(subject: "$SYS.REQ.USER.INFO", timeout: timeout)
            return version(inAnswer: answer.payload)
        } catch {
            guard error.code == .noResponders || error.code == .timeout else { throw EventLogError(error) }
            return nil
        }
    }

    /// Returns the first member `ver` of an answer that begins with `{"server":{…,"ver":"2.10.4",…}`.
    static func version(inAnswer answer: [UInt8]) -> ServerVersion? {
        let text = String(decoding: answer.prefix(4096), as: UTF8.self)
        guard let member = text.firstRange(of: #""ver":""#) else { return nil }
        return ServerVersion(text[member.upperBound...].prefix { $0 != "\"" })
    }
}
