import Glibc

/// The system's random numbers, taken in pieces: one system call for many ids, whose numbers cannot be guessed. For one task.
package struct BufferedRandomNumberGenerator: RandomNumberGenerator {
    /// 256 bytes, the most that getentropy(3) gives.
    private static let count = 32

    private var numbers: [UInt64]
    private var place = 0

    /// - Parameter expected: How many numbers are likely to be needed; fewer are taken at a time where it is small.
    package init(expecting expected: Int) {
        numbers = Array(repeating: 0, count: min(max(1, expected), Self.count))
        place = numbers.count
    }

    package mutating func next() -> UInt64 {
        if place == numbers.count {
            let result = numbers.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
            precondition(result == 0, "the system has no random numbers")
            place = 0
        }
        defer { place += 1 }
        return numbers[place]
    }
}
