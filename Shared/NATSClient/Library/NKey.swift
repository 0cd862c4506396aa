import CNATS
import Glibc

/// Derives the public key of an NKey, which nats.c needs besides the seed.
///
/// An NKey seed is base32 (RFC 4648, no padding) of two bytes that name the kind of key, 32 bytes of Ed25519 seed, and a CRC-16/XMODEM of
/// what precedes it, low byte first; a public key is the same of one kind byte and 32 bytes. See the `nkeys` documentation of NATS.
enum NKey {
    /// The two bytes that precede a seed: `S` in the upper five bits, the kind of key in the next eight.
    private static let seedPrefix: UInt8 = 18 << 3
    private static let userPrefix: UInt8 = 20 << 3

    /// Returns the public key (`U…`) of the user seed (`SU…`) in a file. Like nats.c, which reads the file at every connect, it skips other
    /// lines, and rejects a seed with a carriage return.
    static func publicKey(seedFile path: String) throws(NATSError) -> String {
        var text = try contents(of: path)
        defer { text.resetBytes() }
        for line in text.split(separator: 0x0A) {
            let seed = line.drop { $0 == 0x20 || $0 == 0x09 }
            guard seed.starts(with: "SU".utf8) else { continue }
            guard let key = publicKey(seed: seed) else { break }
            return key
        }
        throw NATSError(
            .invalidConfiguration,
            "The NKey seed file \(path) holds no valid user seed. It needs a line that is one, and lines that end with LF."
        )
    }

    /// Returns the public key of a user seed; nil if malformed or of another kind.
    static func publicKey(seed: some Collection<UInt8>) -> String? {
        guard var bytes = decodeBase32(seed), bytes.count == 36 else { return nil }
        defer { bytes.resetBytes() }
        let isIntact = checksum(bytes[..<34]) == UInt16(bytes[34]) | UInt16(bytes[35]) << 8
        let kind = (bytes[0] & 0x07) << 5 | bytes[1] >> 3
        guard isIntact, bytes[0] & 0xF8 == seedPrefix, kind == userPrefix else { return nil }
        guard let point = ed25519PublicKey(seed: Array(bytes[2..<34])) else { return nil }
        var encoded = [userPrefix] + point
        let sum = checksum(encoded[...])
        encoded += [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8)]
        return encodeBase32(encoded)
    }

    private static func ed25519PublicKey(seed: [UInt8]) -> [UInt8]? {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else { return nil }
        defer { EVP_PKEY_free(key) }
        var point = [UInt8](repeating: 0, count: 32)
        var length = point.count
        guard EVP_PKEY_get_raw_public_key(key, &point, &length) == 1, length == point.count else { return nil }
        return point
    }

    /// Reads a file of at most 64 KiB.
    private static func contents(of path: String) throws(NATSError) -> [UInt8] {
        let unreadable = NATSError(.invalidConfiguration, "The NKey seed file \(path) cannot be read. Check the path and its permissions.")
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: length), $0.count - length) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw unreadable }
            guard count > 0 else { break }
            length += count
        }
        bytes.removeLast(bytes.count - length)
        return bytes
    }

    private static let base32Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    private static func encodeBase32(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(base32Digits[Int(buffer >> bits & 31)])
            }
        }
        if bits > 0 { text.append(base32Digits[Int(buffer << (5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decodeBase32(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for digit in text {
            guard let value = base32Digits.firstIndex(of: digit) else { return nil }
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return bytes
    }

    /// CRC-16/XMODEM: polynomial 0x1021, initial value 0.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        bytes.reduce(0) { sum, byte in
            (0..<8).reduce(sum ^ UInt16(byte) << 8) { sum, _ in sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
        }
    }
}

extension [UInt8] {
    /// Overwrites a secret before its memory is freed.
    fileprivate mutating func resetBytes() {
        let count = count
        withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { explicit_bzero(start, count) }
        }
    }
}
