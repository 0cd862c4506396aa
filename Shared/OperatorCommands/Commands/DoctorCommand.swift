package import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import NIOSSL
package import ServiceKit

extension AnyConfigurationKey {
    /// The token that the doctor sends.
    static let token = ConfigurationKey(
        optional: "token",
        .text,
        isSecret: true,
        help: "The token to send; its role must be member or admin."
    )
    static let workspace = ConfigurationKey(
        optional: "workspace",
        .text,
        help: "The workspace to open; the token's tenant by default."
    )
}

/// `causeway doctor`: finds faults between a client and Causeway, and says how to fix them.
package struct DoctorCommand: AsyncParsableCommand, ConfiguredCommand {
    package static let schema = ConfigurationSchema(
        command: "doctor",
        summary: "Finds faults between a client and Causeway.",
        keys: [.token, .workspace, .authTenantClaims]
    )

    /// Its few settings belong to its main options.
    package static var settingsVisibility: ArgumentVisibility { .default }

    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Opens streams and WebSockets through the proxy at an address, reports faults, and says how to fix them.",
        usage: "\(ProgramName.current) doctor <url> [--token <token>] [--idle-seconds <seconds>] [--json]",
        discussion: """
            Checks for buffering, idle timeouts, lost headers and queries, compression, missing HTTP/2, clock skew, and failed WebSocket handshakes. Prints \
            one line per check (ok, advice, fault), and for each fault the directives for nginx, Caddy and HAProxy. Opens about ten connections, only reads, \
            and takes a little longer than --idle-seconds. If the token is refused, it asks some forty times more, to find replicas that disagree.

            Exit codes: 0 without faults, even with advice; 1 with a fault; 64 for a wrong command line; 78 for wrong settings.

            Other users of the machine can read a token on the command line: set TOKEN, or name a file with --token-file.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("doctor")
    )

    @Argument(help: "The address of the proxy, such as https://events.example.com; with a path if Causeway's paths are below one.")
    var url: String

    @Option(help: "How long to watch idle connections, in seconds. The default is a little more than the heartbeat interval.")
    var idleSeconds: Double = 35

    @Option(help: "A PEM file of authorities or certificates to trust in addition to this machine's.")
    var caFile: String?

    @Flag(help: "Accept any certificate. The token is then sent to an unverified server.")
    var insecure = false

    @Option(help: "The origin of pages on another host that use Causeway, such as https://app.example.com.")
    var origin: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    package init() {}

    package func validate() throws {
        guard (1...3600).contains(idleSeconds) else { throw ArgumentParser.ValidationError("--idle-seconds must be from 1 to 3600") }
        _ = try target()
    }

    package func run() async throws {
        let settings = try settings.settings()
        guard let token = settings[.token], Self.isSendable(token) else {
            throw Exit.because(
                "missing token: pass --token or --token-file, or set TOKEN; causeway token mints one",
                Exit.configuration
            )
        }
        if let caFile, (try? NIOSSLCertificate.fromPEMFile(caFile))?.isEmpty ?? true {
            throw Exit.because("--ca-file \(caFile) does not exist, or contains no PEM certificate", Exit.configuration)
        }
        if !json { Console.complain("watching \(try target()) for \(Wording.show(.seconds(idleSeconds)))") }
        let examination = Examination(
            dialer: Dialer(try target(), isInsecure: insecure, authorities: caFile),
            token: token,
            facts: TokenFacts(token, tenantClaims: settings[.authTenantClaims]),
            workspace: settings[.workspace],
            watch: .seconds(idleSeconds),
            isInsecure: insecure,
            origin: origin,
            requestID: Self.requestID()
        )
        let now = Timestamp.now
        let findings = Diagnosis(seen: try await examination.run(), now: now).findings
        let report = Report(target: examination.dialer.target, findings: findings, token: token)
        Console.print(json ? report.json : report.text)
        if !Diagnosis.isHealthy(findings) { throw ArgumentParser.ExitCode(1) }
    }

    private func target() throws -> Target {
        do throws(Target.Mistake) {
            return try Target(url)
        } catch {
            throw ArgumentParser.ValidationError(error.sentence)
        }
    }

    /// Whether the token is valid in a header.
    private static func isSendable(_ token: String) -> Bool {
        !token.isEmpty && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func requestID() -> String {
        return Examination.requestIDPrefix + ULID.generate()
    }
}
