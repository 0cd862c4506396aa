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

extension SubjectIdentifier: Decodable {
    /// Decodes an identifier. Reads drafts too: `subject_type` for `format`, `iss-sub` for `iss_sub`, and `complex` without a format.
    ///
    /// - Throws: `DecodingError` for a missing or malformed member.
    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: ClaimName.self)
        func text(_ name: String) throws -> String { try members.decode(String.self, forKey: ClaimName(name)) }
        func part(_ name: String) throws -> SubjectIdentifier? { try members.decodeIfPresent(Self.self, forKey: ClaimName(name)) }
        let parts = ["user", "session", "tenant"]
        let format =
            if let format = try members.decodeIfPresent(String.self, forKey: ClaimName("format")) {
                format
            } else if let type = try members.decodeIfPresent(String.self, forKey: ClaimName("subject_type")) {
                type
            } else if parts.contains(where: { members.contains(ClaimName($0)) }) {
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
