/// A publish that the server did not permit, as it says so: `Permissions Violation for Publish to "events.acme.a"`.
///
/// The server answers a request that it does not permit with this error of the connection instead of an answer to the request. nats.c keeps at most 255
/// bytes of the text, so a long subject may be cut.
struct PublishViolation: Sendable, Equatable {
    private static let beginning = #"Permissions Violation for Publish to ""#

    /// The subject, or its beginning.
    let subject: String
    /// Whether ``subject`` is only the beginning.
    let isCut: Bool

    /// Reads the text of a server's error; nil for any other error.
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

    /// Whether it is about a publish to `subject`.
    func concerns(_ subject: String) -> Bool {
        isCut ? subject.hasPrefix(self.subject) : subject == self.subject
    }

    /// What a request to `subject` fails with.
    static func error(publishingTo subject: String) -> NATSError {
        NATSError(.notPermitted, "nats-server does not permit this user to publish to \(subject): allow it in the user's permissions.")
    }
}
