import Glibc
import Synchronization

/// Buffers the system's random numbers for all threads: one getentropy(3) call for 32 numbers. Any thread.
///
/// For ids. Secrets use `SystemRandomNumberGenerator`: used numbers stay in the buffer.
package struct SharedRandomNumberGenerator: RandomNumberGenerator, Sendable {
    /// 256 bytes, the most that getentropy(3) gives.
    private static let count = 32

    private struct Buffer {
        var numbers: [UInt64] = Array(repeating: 0, count: SharedRandomNumberGenerator.count)
        var place = SharedRandomNumberGenerator.count
    }

    private static let buffer = Mutex(Buffer())

    package init() {}

    package func next() -> UInt64 {
        Self.buffer.withLock { buffer in
            if buffer.place == buffer.numbers.count {
                let result = buffer.numbers.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
                precondition(result == 0, "the system has no random numbers")
                buffer.place = 0
            }
            defer { buffer.place += 1 }
            return buffer.numbers[buffer.place]
        }
    }
}
