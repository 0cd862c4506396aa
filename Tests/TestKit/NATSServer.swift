import Foundation
import Synchronization

/// A nats-server with JetStream of the test's own, on loopback, a port that was free, and a fresh data directory.
///
/// It can be killed and started again, on the same port and with what it had stored. It ends with this object.
public final class NATSServer: Sendable {
    /// The server's authentication, besides JetStream and the port.
    public struct Options: Sendable {
        /// Configuration text in nats-server's own language, appended to what the kit writes.
        public var configuration: String

        /// Whether it has JetStream. A server with operators and accounts needs a system account for that.
        public var hasJetStream: Bool

        /// Demands in nats-server's own language; none unless given.
        public init(configuration: String = "", hasJetStream: Bool = true) {
            self.configuration = configuration
            self.hasJetStream = hasJetStream
        }

        /// One user with a password.
        public static func user(_ user: String, password: String) -> Options {
            Options(configuration: "authorization { timeout: 60, user: \"\(user)\", password: \"\(password)\" }")
        }

        /// A token.
        public static func token(_ token: String) -> Options {
            Options(configuration: "authorization { timeout: 60, token: \"\(token)\" }")
        }

        /// One user with an NKey, by its public key.
        public static func nkey(_ publicKey: String) -> Options {
            Options(configuration: "authorization { timeout: 60, users: [ { nkey: \(publicKey) } ] }")
        }

        /// TLS with a certificate; with `caFile`, clients must have a certificate that this authority signed.
        public static func tls(certificateFile: String, keyFile: String, verifyClientsWith caFile: String? = nil) -> Options {
            let verification = caFile.map { "ca_file: \"\($0)\", verify: true" } ?? ""
            return Options(
                configuration: "tls { timeout: 60, cert_file: \"\(certificateFile)\", key_file: \"\(keyFile)\", \(verification) }"
            )
        }
    }

    /// Its port on 127.0.0.1, the same after a restart.
    public let port: Int
    private let directory: TemporaryDirectory
    private let process: Mutex<ChildProcess?>

    /// Starts a server and returns when it takes connections.
    public init(_ options: Options = Options()) async throws {
        directory = try TemporaryDirectory()
        try Self.write(options, in: directory)
        // Port -1 lets the server find a free one, which it then writes to a file. Nobody else can take it in between.
        let process = try Self.launch(directory: directory, port: -1)
        self.process = Mutex(process)
        port = try await Self.reportedPort(of: process, in: directory)
        try await waitUntilReady(process)
    }

    /// `nats://127.0.0.1:<port>`.
    public var url: String { "nats://127.0.0.1:\(port)" }

    /// What it has printed.
    public var log: String { (try? String(contentsOfFile: directory.file("server.log"), encoding: .utf8)) ?? "" }

    /// Its process id; nil while it is down.
    public var pid: Int32? { process.withLock { $0?.pid } }

    /// Kills it immediately, as a power cut would. Returns when it has exited.
    public func kill() {
        process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Shuts it down gracefully; it closes its stores. Returns when it has exited.
    public func stop() async throws {
        guard let process = process.withLock({ $0 }) else { return }
        process.signal(SIGTERM)
        guard await eventually(timeout: .seconds(20), { process.exit != nil }) else {
            throw TestKitError("nats-server does not stop.\n\(log)")
        }
        self.process.withLock { $0 = nil }
    }

    /// Starts it again, on the same port and with what it has stored, and returns when it takes connections.
    public func start() async throws {
        guard process.withLock({ $0 == nil }) else { return }
        let started = try Self.launch(directory: directory, port: port)
        process.withLock { $0 = started }
        try await waitUntilReady(started)
    }

    /// Copies what it has stored. It must be down.
    public func copyStore(to copy: TemporaryDirectory) throws {
        try FileManager.default.copyItem(atPath: directory.file("data"), toPath: copy.file("data"))
    }

    /// Puts a copy in the place of what it has stored. It must be down.
    public func restoreStore(from copy: TemporaryDirectory) throws {
        try FileManager.default.removeItem(atPath: directory.file("data"))
        try FileManager.default.copyItem(atPath: copy.file("data"), toPath: directory.file("data"))
    }

    /// Suspends it: connections stay open and nothing is answered.
    public func freeze() {
        process.withLock { $0?.signal(SIGSTOP) }
    }

    /// Resumes it.
    public func thaw() {
        process.withLock { $0?.signal(SIGCONT) }
    }

    /// Has it read its configuration again, with other demands. They apply to connections that are open, too.
    public func reload(_ options: Options) throws {
        try Self.write(options, in: directory)
        process.withLock { $0?.signal(SIGHUP) }
    }

    private static func write(_ options: Options, in directory: TemporaryDirectory) throws {
        let store = "jetstream { store_dir: \"\(directory.path)/data\", max_memory_store: 268435456, max_file_store: 4294967296 }"
        let lines = ["server_name: causeway-test", options.hasJetStream ? store : "", options.configuration]
        try directory.write(lines.joined(separator: "\n"), to: "server.conf")
    }

    private static func launch(directory: TemporaryDirectory, port: Int) throws -> ChildProcess {
        let arguments = ["-a", "127.0.0.1", "-p", "\(port)", "-c", directory.file("server.conf"), "--ports_file_dir", directory.path]
        return try ChildProcess("nats-server", arguments, output: directory.file("server.log"))
    }

    private static func reportedPort(of process: ChildProcess, in directory: TemporaryDirectory) async throws -> Int {
        struct Ports: Decodable { let nats: [String] }
        let path = directory.file("nats-server_\(process.pid).ports")
        var port: Int?
        _ = await eventually(timeout: .seconds(20)) {
            let ports = FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(Ports.self, from: $0) }
            port = ports?.nats.first.flatMap { URL(string: $0)?.port }
            return port != nil || process.exit != nil
        }
        guard let port else {
            let log = (try? String(contentsOfFile: directory.file("server.log"), encoding: .utf8)) ?? ""
            throw TestKitError("nats-server did not start.\n\(log)")
        }
        return port
    }

    /// Waits for the line with which the server greets every client, and so for its JetStream too, which is up before the listener.
    private func waitUntilReady(_ process: ChildProcess) async throws {
        let isReady = await eventually(timeout: .seconds(20)) { LoopbackPort.greets(port) || process.exit != nil }
        guard isReady, process.exit == nil else { throw TestKitError("nats-server did not start.\n\(log)") }
    }
}
