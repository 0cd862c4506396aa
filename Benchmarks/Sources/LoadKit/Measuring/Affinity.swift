import CLinux
import Glibc

/// The CPUs of the load and of the server under test, so that neither takes the other's time.
struct Affinity: Sendable, Equatable {
    /// CPU of the edge and the bare loop.
    let server: Int32
    /// CPU of the load.
    let client: Int32

    /// - Parameter text: two CPU numbers, `0,1`.
    init(_ text: String) throws(LoadError) {
        let numbers = text.split(separator: ",").compactMap { Int32($0) }
        guard numbers.count == 2, numbers.allSatisfy({ $0 >= 0 && $0 < sysconf(Int32(_SC_NPROCESSORS_CONF)) }) else {
            throw LoadError("--pin \(text): give two processor numbers of this machine, for the server and for the load, as in 0,1.")
        }
        server = numbers[0]
        client = numbers[1]
    }

    /// Pins all threads of a process to a CPU. Threads started later inherit it.
    static func pin(process: pid_t, to processor: Int32) throws(LoadError) {
        for thread in try ProcessMeter(processID: process).threads() {
            // A thread may end after it was listed.
            guard clinux_pin_thread(thread, processor) == 0 || errno == ESRCH else {
                throw LoadError("Process \(process) cannot be pinned to processor \(processor): \(String(cString: strerror(errno))).")
            }
        }
    }
}
