/// Parses the server's error for a denied publish: `Permissions Violation for Publish to "events.acme.a"`.
///
/// The server reports a denied request as an error of the connection, not as an answer. nats.c keeps at most 255 bytes of the text, so a
/// long subject may be truncated.
struct PublishViolation: Sendable, Equatable {
    private static let beginning = #"Permissions Violation for Publish to ""#

    /// The subject, or its prefix.
    let subject: String
    /// Whether ``subject`` is truncated.
    let isCut: Bool

    /// Parses a server error; nil for any other error.
    init?(_ text: String) {
        guard text.hasPrefix(Self.beginning) else { return nil }
        let rest = text.dropFirst(Self.beginning.count)
        if let end = rest.lastIndex(of: "\"") {
            (subject, isCut) = (String(rest[..<end]), false)
        } else {
            (subject, isCut) = (String(rest), true)
        }
        guard !subject.isEmpty else { return nil }
    }

    /// Returns whether it concerns a publish to `subject`.
    func concerns(_ subject: String) -> Bool {
        isCut ? subject.hasPrefix(self.subject) : subject == self.subject
    }

    /// The error of a denied request to `subject`.
    static func error(publishingTo subject: String) -> NATSError {
        NATSError(.notPermitted, "nats-server does not permit this user to publish to \(subject): allow it in the user's permissions.")
    }
}
