import Basics
import Glibc
import Synchronization

/// Where log lines go: a file descriptor, one line at a time however many threads log.
///
/// Writing is synchronous, so that the last words of a process are not lost. A reader that stands still for longer than
/// ``patience`` loses lines instead of stopping the process.
public final class LogSink: Sendable {
    /// Standard error.
    public static let standardError = LogSink(fileDescriptor: STDERR_FILENO)

    /// How long one line may wait for a descriptor that is non-blocking and full.
    static let patience: Duration = .seconds(1)

    private let fileDescriptor: Mutex<Int32>

    /// Writes to a descriptor, which the caller owns and keeps open.
    public init(fileDescriptor: Int32) {
        self.fileDescriptor = Mutex(fileDescriptor)
    }

    /// Writes `line`, whose last byte is a line end, without mixing it with another.
    func write(_ line: [UInt8]) {
        fileDescriptor.withLock { descriptor in
            var rest = line[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno == EAGAIN {
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    guard poll(&wanted, 1, Int32(clamping: Self.patience.milliseconds)) > 0 else { return }
                } else if errno != EINTR {
                    // There is nobody left to tell.
                    return
                }
            }
        }
    }
}
