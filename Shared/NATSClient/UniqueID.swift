/// Generates names that are unique in the NATS system.
enum UniqueID {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// 22 random letters and digits: 131 bits.
    static func make() -> String {
        String(unsafeUninitializedCapacity: 22) { bytes in
            for index in 0..<22 { bytes[index] = digits[Int.random(in: 0..<digits.count)] }
            return 22
        }
    }
}
