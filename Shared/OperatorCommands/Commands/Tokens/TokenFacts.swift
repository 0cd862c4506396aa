import Basics
import FoundationEssentials

/// A token's claims, unverified: verification is up to the services.
struct TokenFacts: Sendable, Equatable {
    /// Whether it parses as a JWT with readable claims.
    var isReadable = false
    var tenant: String?
    /// Whether a revocation can name it by `jti` (contract §13).
    var hasID = false
    /// Seconds since 1970.
    var issuedAt: Double?
    var notBefore: Double?
    var expiresAt: Double?

    init() {}

    /// - Parameter tenantClaims: the claims that may name the tenant, first one present.
    init(_ token: String, tenantClaims: [String]) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = Self.base64(parts[1]), (try? JSONDocument.check([UInt8](claims))) != nil,
            let read = try? JSONDecoder().decode(Claims.self, from: claims)
        else { return }
        isReadable = true
        (issuedAt, notBefore, expiresAt) = (read.number("iat"), read.number("nbf"), read.number("exp"))
        hasID = read.text("jti").map { (try? TokenID($0)) != nil } ?? false
        tenant = tenantClaims.lazy.compactMap { read.values[$0] }.first.flatMap { if case .text(let name) = $0 { name } else { nil } }
    }

    /// Decodes base64url without padding (RFC 7515 §2).
    static func base64(_ text: Substring) -> Data? {
        let standard = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4))
    }

    private struct Claims: Decodable {
        enum Value: Decodable {
            case text(String)
            case number(Double)
            case other

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else if let number = try? container.decode(Double.self) {
                    self = .number(number)
                } else {
                    self = .other
                }
            }
        }

        let values: [String: Value]

        init(from decoder: any Decoder) throws {
            values = try decoder.singleValueContainer().decode([String: Value].self)
        }

        func text(_ name: String) -> String? {
            guard case .text(let text) = values[name] else { return nil }
            return text
        }

        func number(_ name: String) -> Double? {
            guard case .number(let number) = values[name] else { return nil }
            return number
        }
    }
}
