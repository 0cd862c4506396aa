import EdgeRuntime
import EventModel

/// Reads the frames by which clients renew their token: `{"type":"authenticate","token":"…"}`. Contract §5, §13.
enum WorkspaceRenewal {
    /// For all connections of the process.
    static let reader = RenewalReader { WorkspaceRenewal.token(in: $0) }

    /// Returns the token of such a frame. Nil for every other text, which is ignored; a frame with duplicate members, or whose token is not
    /// a string, is one of these.
    static func token(in text: [UInt8]) -> String? {
        guard let members = try? Payload(validating: text, field: "frame", allowsStreamMembers: true),
            members.string("type") == "authenticate"
        else { return nil }
        return members.string("token")
    }
}
