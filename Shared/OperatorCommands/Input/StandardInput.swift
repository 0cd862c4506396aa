import Basics
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads standard input without blocking the cooperative pool.
package struct StandardInput: Sendable {
    /// The input could not be read.
    package struct ReadError: Error, CustomStringConvertible {
        package let description: String
    }

    private let queue = DispatchQueue(label: "causeway.standard-input")
    private let descriptor: Int32

    /// - Parameter descriptor: a file, pipe or terminal that stays open.
    package init(descriptor: Int32 = STDIN_FILENO) {
        self.descriptor = descriptor
    }

    /// Waits for input and returns at most `maximumBytes` of it; empty at the end of the input.
    package func read(maximumBytes: Int) async throws(ReadError) -> [UInt8] {
        try await queue.run { Self.blockingRead(descriptor, maximumBytes) }.get()
    }

    private static func blockingRead(_ descriptor: Int32, _ maximumBytes: Int) -> Result<[UInt8], ReadError> {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumBytes) { buffer, count in
            var received: Int
            repeat {
                #if canImport(Glibc)
                    received = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                #elseif canImport(Musl)
                    received = Musl.read(descriptor, buffer.baseAddress, buffer.count)
                #endif
            } while received < 0 && errno == EINTR
            if received < 0 { failure = errno }
            count = max(0, received)
        }
        guard failure == 0 else { return .failure(ReadError(description: String(cString: strerror(failure)))) }
        return .success(bytes)
    }
}
