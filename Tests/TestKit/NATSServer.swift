import Foundation
import Synchronization

/// A private nats-server with JetStream, on a free loopback port and with a new data directory.
///
/// It can be killed and restarted, with the same port and data. It stops when this object is released.
public final class NATSServer: Sendable {
    /// The server's authentication, besides JetStream and the port.
    public struct Options: Sendable {
        /// nats-server configuration text, appended to the generated configuration.
        public var configuration: String

        /// Whether JetStream is enabled. A server with operators and accounts then needs a system account.
        public var hasJetStream: Bool

        /// Creates options; by default without authentication.
        public init(configuration: String = "", hasJetStream: Bool = true) {
            self.configuration = configuration
            self.hasJetStream = hasJetStream
        }

        /// Returns options with one user and a password.
        public static func user(_ user: String, password: String) -> Options {
            Options(configuration: "authorization { timeout: 60, user: \"\(user)\", password: \"\(password)\" }")
        }

        /// Returns options with a token.
        public static func token(_ token: String) -> Options {
            Options(configuration: "authorization { timeout: 60, token: \"\(token)\" }")
        }

        /// Returns options with one NKey user, by its public key.
        public static func nkey(_ publicKey: String) -> Options {
            Options(configuration: "authorization { timeout: 60, users: [ { nkey: \(publicKey) } ] }")
        }

        /// Returns options with TLS and a certificate; with `caFile`, clients need a certificate signed by that authority.
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

    /// Starts a server and returns when it accepts connections.
    public init(_ options: Options = Options()) async throws {
        directory = try TemporaryDirectory()
        try Self.write(options, in: directory)
        // With port -1 the server chooses a free port and writes it to a file, so no other process can take the port first.
        let process = try Self.launch(directory: directory, port: -1)
        self.process = Mutex(process)
        port = try await Self.reportedPort(of: process, in: directory)
        try await waitUntilReady(process)
    }

    /// `nats://127.0.0.1:<port>`.
    public var url: String { "nats://127.0.0.1:\(port)" }

    /// The text that the server has logged.
    public var log: String { (try? String(contentsOfFile: directory.file("server.log"), encoding: .utf8)) ?? "" }

    /// The process id; nil while the server is down.
    public var pid: Int32? { process.withLock { $0?.pid } }

    /// Kills the server with SIGKILL, like a power cut. Returns when it has exited.
    public func kill() {
        process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Shuts the server down gracefully, so that it closes its stores. Returns when it has exited.
    public func stop() async throws {
        guard let process = process.withLock({ $0 }) else { return }
        process.signal(SIGTERM)
        guard await eventually(timeout: .seconds(20), { process.exit != nil }) else {
            throw TestKitError("nats-server does not stop.\n\(log)")
        }
        self.process.withLock { $0 = nil }
    }

    /// Restarts the server with the same port and data. Returns when it accepts connections.
    public func start() async throws {
        guard process.withLock({ $0 == nil }) else { return }
        let started = try Self.launch(directory: directory, port: port)
        process.withLock { $0 = started }
        try await waitUntilReady(started)
    }

    /// Copies the data directory. The server must be down.
    public func copyStore(to copy: TemporaryDirectory) throws {
        try FileManager.default.copyItem(atPath: directory.file("data"), toPath: copy.file("data"))
    }

    /// Replaces the data directory by a copy, or one stream's part of it. The server must be down.
    public func restoreStore(from copy: TemporaryDirectory, stream: String? = nil) throws {
        let part = stream.map { "data/jetstream/$G/streams/\($0)" } ?? "data"
        try FileManager.default.removeItem(atPath: directory.file(part))
        try FileManager.default.copyItem(atPath: copy.file(part), toPath: directory.file(part))
    }

    /// Suspends the server: connections stay open, requests get no answer from then on.
    public func freeze() {
        process.withLock { $0?.suspend() }
    }

    /// Resumes the server.
    public func thaw() {
        process.withLock { $0?.signal(SIGCONT) }
    }

    /// Reloads the configuration with other options. They apply to open connections too.
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

    /// Waits for the `INFO` line, which the server sends to every client. JetStream starts before the listener, so it is ready too.
    private func waitUntilReady(_ process: ChildProcess) async throws {
        let isReady = await eventually(timeout: .seconds(20)) { LoopbackPort.greets(port) || process.exit != nil }
        guard isReady, process.exit == nil else { throw TestKitError("nats-server did not start.\n\(log)") }
    }
}
