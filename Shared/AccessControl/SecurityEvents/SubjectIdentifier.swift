import Basics

/// A subject identifier (RFC 9493 §3; `jwt_id` and `complex`: OpenID Shared Signals Framework 1.0 §3), as far as it can name tokens.
indirect enum SubjectIdentifier: Equatable {
    /// `opaque`: an id that has a meaning to the issuer alone.
    case opaque(String)
    /// `iss_sub`: the `sub` of an issuer's tokens.
    case user(issuer: String, subject: String)
    /// `jwt_id`: the `jti` of an issuer's token.
    case token(issuer: String, id: String)
    /// `complex`: members that together name one subject. Further members are ignored: they narrow the subject.
    case complex(user: SubjectIdentifier?, session: SubjectIdentifier?, tenant: SubjectIdentifier?)
    /// Another format, by which no token can be found.
    case other
}

extension SubjectIdentifier {
    /// Reads the identifier that is a member of an object; nil when the member is absent or null.
    ///
    /// - Throws: for one that is no identifier.
    init?(of object: JSONMembers, _ name: String) throws(JSONMembers.TypeMismatch) {
        guard let members = try object.object(name) else { return nil }
        try self.init(members)
    }

    /// Reads an identifier. Accepts drafts too: `subject_type` for `format`, `iss-sub` for `iss_sub`, and `complex` without a format.
    ///
    /// - Throws: for a missing or malformed member.
    private init(_ members: JSONMembers) throws(JSONMembers.TypeMismatch) {
        func text(_ name: String) throws(JSONMembers.TypeMismatch) -> String {
            guard let text = try members.string(name) else { throw JSONMembers.TypeMismatch() }
            return text
        }
        func part(_ name: String) throws(JSONMembers.TypeMismatch) -> SubjectIdentifier? { try SubjectIdentifier(of: members, name) }
        let parts = ["user", "session", "tenant"]
        let format =
            if let format = try members.string("format") {
                format
            } else if let type = try members.string("subject_type") {
                type
            } else if parts.contains(where: { members.contains($0) }) {
                "complex"
            } else {
                try text("format")
            }
        self =
            switch format.replacing("-", with: "_") {
            case "opaque": .opaque(try text("id"))
            case "iss_sub": .user(issuer: try text("iss"), subject: try text("sub"))
            case "jwt_id": .token(issuer: try text("iss"), id: try text("jti"))
            case "complex": .complex(user: try part(parts[0]), session: try part(parts[1]), tenant: try part(parts[2]))
            default: .other
            }
    }
}
