import Glibc

/// Runs the bare loop (`Sources/bare-loop`) as a child process, fed through a pipe. It exits when the pipe closes.
///
/// So it also ends when this process ends.
final class BareLoop: Publisher {
    /// How the bare loop writes to a connection.
    enum Delivery {
        /// One write per event.
        case single
        /// One write for all queued events.
        case joined
    }

    /// The address for clients.
    let address: SocketAddress
    let processID: pid_t
    private let pipe: Int32
    private let surface: any Surface
    private let payload: TickPayload
    private var output: [UInt8] = []
    private static let bufferBytes = 32 * 1024

    /// Starts the process.
    /// - Parameter path: the path of the executable.
    init(path: String, surface: any Surface, payload: TickPayload) throws(LoadError) {
        self.surface = surface
        self.payload = payload
        let input = try Pipe()
        let output = try Pipe()
        processID = try Self.spawn(path, input: input.readEnd, output: output.writeEnd)
        close(input.readEnd)
        close(output.writeEnd)
        pipe = input.writeEnd
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output.readEnd, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        close(output.readEnd)
        guard let port = String(decoding: line, as: UTF8.self).split(separator: " ").last else {
            throw LoadError("\(path) did not start; build the package first.")
        }
        address = try SocketAddress("127.0.0.1:\(port)")
        frame("G", surface.greeting)
        try push()
    }

    /// Ends the process and waits until it has exited. Call once.
    func stop() {
        close(pipe)
        waitpid(processID, nil, 0)
    }

    /// Selects how it writes, from the next event on.
    func use(_ delivery: Delivery) {
        switch delivery {
        case .single: frame("S", [])
        case .joined: frame("J", [])
        }
    }

    func publish(tenant: Int, counter: UInt64) throws(LoadError) {
        frame("E", group: UInt16(tenant), surface.delivery(of: payload.bytes(Tick(counter: counter, sent: MonotonicClock.now()))))
        if output.count >= Self.bufferBytes { try push() }
    }

    func push() throws(LoadError) {
        var offset = 0
        while offset < output.count {
            let count = output.withUnsafeBytes { write(pipe, $0.baseAddress! + offset, $0.count - offset) }
            if count < 0, errno == EINTR { continue }
            offset += Int(try SystemCall.check("writing to the bare loop", Int32(clamping: count)))
        }
        output.removeAll(keepingCapacity: true)
    }

    func settle() throws(LoadError) { try push() }

    /// Appends a frame in the format of `Sources/bare-loop/main.c`.
    private func frame(_ kind: Unicode.Scalar, group: UInt16 = 0, _ bytes: [UInt8]) {
        output += [UInt8(ascii: kind), 0]
        withUnsafeBytes(of: group.littleEndian) { output += $0 }
        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { output += $0 }
        output += bytes
    }

    private static func spawn(_ path: String, input: Int32, output: Int32) throws(LoadError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        var processID = pid_t()
        let name = strdup(path)
        defer { free(name) }
        let result = posix_spawn(&processID, path, &actions, nil, [name, nil], nil)
        guard result == 0 else { throw LoadError("\(path) cannot be started: \(String(cString: strerror(result))).") }
        return processID
    }

    /// The two ends of a pipe, close-on-exec, so that child processes do not inherit them.
    private struct Pipe {
        let readEnd: Int32
        let writeEnd: Int32

        init() throws(LoadError) {
            var ends: [Int32] = [0, 0]
            try SystemCall.check("pipe", Glibc.pipe(&ends))
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            readEnd = ends[0]
            writeEnd = ends[1]
        }
    }
}
