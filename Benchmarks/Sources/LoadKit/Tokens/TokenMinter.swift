import Glibc

/// Signs tokens for the load's clients (contract §1).
enum TokenMinter {
    /// Lifetime of a token in seconds; longer than any load.
    private static let lifetime = 3600

    /// Returns a token of a user, signed with HS256 (RFC 7515). Subject, tenant and roles must need no escaping in JSON.
    static func mint(subject: String, tenant: String, roles: [String], secret: String) -> String {
        let now = time(nil)
        let quoted = roles.map { "\"\($0)\"" }.joined(separator: ",")
        let claims = "{\"sub\":\"\(subject)\",\"tenant_id\":\"\(tenant)\",\"roles\":[\(quoted)],\"iat\":\(now),\"exp\":\(now + lifetime)}"
        let input = base64URL(Array("{\"alg\":\"HS256\",\"typ\":\"JWT\"}".utf8)) + "." + base64URL(Array(claims.utf8))
        return input + "." + base64URL(SHA256.authenticationCode(of: Array(input.utf8), key: Array(secret.utf8)))
    }

    /// Returns base64url without padding (RFC 4648 §5).
    static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0...group.count { text.append(alphabet[bits >> (18 - 6 * index) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
