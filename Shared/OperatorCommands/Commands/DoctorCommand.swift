package import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import NIOSSL
import ServiceKit

extension ConfigurationKey {
    /// Whose eyes the doctor looks through.
    static let token = ConfigurationKey(
        "token",
        .text,
        absence: .allowed,
        isSecret: true,
        help: "A token of a user of the examined address, a member or an admin."
    )
    static let workspace = ConfigurationKey(
        "workspace",
        .text,
        absence: .allowed,
        help: "The workspace to ask for; the token's tenant without it."
    )
}

/// `causeway doctor`: what is wrong between a client and Causeway, and how to mend it.
package struct DoctorCommand: AsyncParsableCommand {
    private static let schema = ConfigurationSchema(
        command: "doctor",
        summary: "Says what is wrong between a client and Causeway.",
        keys: [.token, .workspace, .authTenantClaims]
    )

    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Opens streams and WebSockets through whatever stands at an address, says what is wrong, and how to mend it.",
        usage: "\(ProgramName.current) doctor <url> [--token <token>] [--idle-seconds <seconds>] [--json]",
        discussion: """
            Looks for buffering, idle cuts, headers and queries that do not arrive, compression, missing HTTP/2, clocks that disagree, and WebSockets that do \
            not come about. Prints one line a check (ok, advice, fault), and for faults what to write into the configuration of nginx, Caddy or HAProxy. \
            Opens ten connections or so, reads only, and takes a little longer than --idle-seconds.

            Exit codes: 0 when it is healthy, advice or not; 1 when there is a fault; 64 and 78 for mistakes, as ever.

            A token on the command line can be read by others on the machine: better have it in TOKEN, or in a file that --token-file names.

            \(schema.discussion)
            """,
        version: ConfigurationSchema.versionText("doctor")
    )

    @Argument(help: "The address of the proxy, such as https://events.example.com, or with a path before Causeway's own.")
    var url: String

    @Option(help: .hidden)
    var token: String?

    @Option(help: .hidden)
    var tokenFile: String?

    @Option(help: .hidden)
    var workspace: String?

    @Option(help: "For how long to watch quiet connections, in seconds. The default is a little more than a ping is due.")
    var idleSeconds: Double = 35

    @Option(help: "A PEM file with authorities, or certificates, to trust besides those of this machine.")
    var caFile: String?

    @Flag(help: "Accept any certificate. The token is sent to whoever answers.")
    var insecure = false

    @Option(help: "The origin of pages elsewhere that are to use it, such as https://app.example.com.")
    var origin: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var settings: SettingsArguments

    package init() {}

    package mutating func validate() throws {
        guard (1...3600).contains(idleSeconds) else { throw ArgumentParser.ValidationError("--idle-seconds must be from 1 to 3600") }
        _ = try target()
        // The parser has to know these options to tell their values from the address; what they mean, the settings know.
        for (key, value) in [(.token, token), (ConfigurationKey.token.fileCompanion, tokenFile), (.workspace, workspace)] {
            if let key, let value { settings.words += ["\(key.option)=\(value)"] }
        }
    }

    package func run() async throws {
        let settings = try settings.settings(Self.schema)
        guard let token = settings.optionalString(.token), Self.isSendable(token) else {
            throw Exit.because(
                "there is no token to look with: give --token or --token-file, or set TOKEN; causeway token mints one",
                Exit.configuration
            )
        }
        if let caFile, (try? NIOSSLCertificate.fromPEMFile(caFile))?.isEmpty ?? true {
            throw Exit.because("--ca-file \(caFile) is not there, or holds no certificate in PEM", Exit.configuration)
        }
        if !json { Console.complain("watching \(try target()) for \(Wording.show(.seconds(idleSeconds)))") }
        let examination = Examination(
            dialer: Dialer(try target(), isInsecure: insecure, authorities: caFile),
            token: token,
            facts: TokenFacts(token, tenantClaims: settings.list(.authTenantClaims)),
            workspace: settings.optionalString(.workspace),
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

    /// Whether it can stand in a header.
    private static func isSendable(_ token: String) -> Bool {
        !token.isEmpty && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func requestID() -> String {
        return Examination.requestIDPrefix + ULID.generate()
    }
}
