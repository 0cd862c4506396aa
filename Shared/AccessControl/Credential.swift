/// The credential of a request (contract §1, §13).
public enum Credential: Sendable, Equatable {
    /// The text of a token.
    case token(String)
    /// The text of the query parameter `ticket`.
    case ticket(String)

    /// Extracts the credential of a request.
    ///
    /// - Parameters:
    ///   - authorization: the values of all `Authorization` header fields.
    ///   - queryTokens: the decoded values of all `token` query parameters, and the tokens among a WebSocket's subprotocols.
    ///   - tickets: the decoded values of all `ticket` query parameters.
    ///   - opensStream: whether the request may open a stream. Other requests are refused with a ticket, and `queryTokens` are ignored.
    /// - Throws: `missing` or `malformed`. A ticket beside another credential is refused, because it is ambiguous which one counts.
    public init(
        authorization: [String],
        queryTokens: [String] = [],
        tickets: [String] = [],
        opensStream: Bool = true
    ) throws(AuthenticationError) {
        guard let ticket = tickets.first else {
            self = .token(try Self.bearer(authorization: authorization, queryTokens: opensStream ? queryTokens : []))
            return
        }
        guard opensStream else {
            throw AuthenticationError(
                .malformed,
                "A ticket opens a stream and nothing else: leave the query parameter ticket out, and send the header \"Authorization: Bearer <token>\"."
            )
        }
        guard tickets.count == 1, authorization.isEmpty, queryTokens.isEmpty else {
            throw AuthenticationError(.malformed, "The request carries a ticket and another token or ticket: send exactly one.")
        }
        self = .ticket(ticket)
    }

    /// Returns the request's bearer token.
    ///
    /// The header wins over the query. A malformed header is an error: with a fallback to the query, a client could believe that it uses a credential
    /// that was never checked.
    /// - Parameters:
    ///   - authorization: the values of all `Authorization` header fields.
    ///   - queryTokens: the decoded values of all `token` query parameters; empty where the query is not accepted.
    /// - Throws: `missing` or `malformed`.
    public static func bearer(authorization: [String], queryTokens: [String] = []) throws(AuthenticationError) -> String {
        guard authorization.count <= 1, queryTokens.count <= 1 else {
            throw AuthenticationError(.malformed, "The request carries more than one token: send exactly one.")
        }
        if let header = authorization.first { return try token(fromHeader: header) }
        guard let token = queryTokens.first, !token.isEmpty else { throw missing }
        return token
    }

    /// The same, with at most one value each.
    public static func bearer(authorization: String?, queryToken: String? = nil) throws(AuthenticationError) -> String {
        try bearer(authorization: authorization.map { [$0] } ?? [], queryTokens: queryToken.map { [$0] } ?? [])
    }

    static let missing = AuthenticationError(.missing, "A token is needed: send the header \"Authorization: Bearer <token>\".")

    /// `Bearer` in any case, spaces, and a `b64token` (RFC 6750 §2.1).
    private static func token(fromHeader header: String) throws(AuthenticationError) -> String {
        var header = header
        // By bytes: finding the characters of 20 KB takes longer than the rest of a refusal.
        let token = header.withUTF8 { bytes -> String? in
            var rest = bytes[...]
            let scheme = nextWord(of: &rest)
            let token = nextWord(of: &rest)
            guard scheme.elementsEqual("bearer".utf8, by: { $0 | 0x20 == $1 }), !token.isEmpty, token.allSatisfy(isTokenCharacter),
                nextWord(of: &rest).isEmpty
            else { return nil }
            return String(decoding: token, as: UTF8.self)
        }
        guard let token else {
            throw AuthenticationError(.malformed, "The header Authorization must be the word Bearer, a space and a token.")
        }
        return token
    }

    /// Removes leading spaces and the word behind them, and returns the word.
    private static func nextWord(of text: inout Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
        text = text.drop { $0 == UInt8(ascii: " ") }
        let word = text.prefix { $0 != UInt8(ascii: " ") }
        text = text[word.endIndex...]
        return word
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"),
            UInt8(ascii: "="):
            true
        default: false
        }
    }
}
