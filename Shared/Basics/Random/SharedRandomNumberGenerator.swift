import Glibc
import Synchronization

/// The system's random numbers, taken in pieces that all threads share: one system call for many ids, whose numbers cannot be guessed. Any thread.
package struct SharedRandomNumberGenerator: RandomNumberGenerator, Sendable {
    /// 256 bytes, the most that getentropy(3) gives.
    private static let count = 32

    private struct Piece {
        var numbers: [UInt64] = Array(repeating: 0, count: SharedRandomNumberGenerator.count)
        var place = SharedRandomNumberGenerator.count
    }

    private static let piece = Mutex(Piece())

    package init() {}

    package func next() -> UInt64 {
        Self.piece.withLock { piece in
            if piece.place == piece.numbers.count {
                let result = piece.numbers.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
                precondition(result == 0, "the system has no random numbers")
                piece.place = 0
            }
            defer { piece.place += 1 }
            return piece.numbers[piece.place]
        }
    }
}
