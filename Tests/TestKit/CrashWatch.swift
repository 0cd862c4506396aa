import Foundation

/// Writes the fuzzer input that crashes the process to standard error, from a signal handler.
///
/// Each thread has its own slot, because fuzzers run concurrently. A thread runs one fuzzer at a time.
final class CrashWatch {
    /// Read by the signal handler: plain memory at a fixed address, without reference counting.
    private struct Place {
        var parser: UnsafeMutablePointer<CChar>?
        var seed: UInt64
        var index: UInt64
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in CrashWatch.tell(signal) }
            // Restore the default action after the first signal.
            action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND))
            sigaction(signal, &action, nil)
        }
        return key
    }()

    private let place: UnsafeMutablePointer<Place>

    init(parser: String, seed: UInt64) {
        place = .allocate(capacity: 1)
        place.initialize(to: Place(parser: strdup(parser), seed: seed, index: 0))
    }

    /// Records the input that this thread tries from now on.
    func input(_ index: UInt64) {
        place.pointee.index = index
        pthread_setspecific(Self.key, place)
    }

    /// Records that this thread tries no input.
    func end() {
        // The slot is not freed: an async property may have left a pointer to it on other threads.
        pthread_setspecific(Self.key, nil)
        place.pointee.parser = nil
    }

    /// Runs in a signal handler: uses only system calls and allocated memory.
    private static func tell(_ signal: CInt) {
        if let place = pthread_getspecific(key)?.assumingMemoryBound(to: Place.self), let parser = place.pointee.parser {
            say("\nfuzzer ")
            _ = write(2, parser, strlen(parser))
            say(": the process dies of input ")
            say(place.pointee.index)
            say(", SEED=")
            say(place.pointee.seed)
            say("\n")
        }
        raise(signal)
    }

    private static func say(_ text: StaticString) {
        _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func say(_ number: UInt64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = number
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
                rest /= 10
            } while rest > 0
            _ = write(2, digits.baseAddress! + start, 20 - start)
        }
    }
}
