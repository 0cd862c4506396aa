import ArgumentParser
import Basics
import FoundationEssentials
import NIOSSL
import ServiceKit

/// The address and the token of the server: options of each subcommand that sends requests.
struct ServerArguments: ParsableArguments {
    /// The form of the output.
    enum OutputForm: String, ExpressibleByArgument, CaseIterable {
        /// For people.
        case text
        /// The server's answer, unchanged.
        case json
    }

    /// The address if none is named: nginx of `make run` and of the containers.
    static let defaultURL = "http://127.0.0.1:8080"

    @Option(help: "Causeway's address, with a path if its paths are below one. Default: CAUSEWAY_URL, or \(Self.defaultURL).")
    var url: String?

    @Option(help: "A file with the token and nothing else. Default: CAUSEWAY_TOKEN, or the file that CAUSEWAY_TOKEN_FILE names.")
    var tokenFile: String?

    @Option(help: "A PEM file of authorities or certificates to trust in addition to this machine's.")
    var caFile: String?

    @Option(help: "text, or json: the server's answer unchanged; of a stream a line for each event.")
    var output: OutputForm = .text

    @Option(help: "Time limit of each request.", transform: DurationOption.parse)
    var requestTimeout: Duration = .seconds(15)

    /// Returns the server.
    ///
    /// - Throws: the exit code of the command, after printing what is missing or malformed.
    func server() throws -> CausewayServer {
        try server(environment: ProcessInfo.processInfo.environment)
    }

    func server(environment: [String: String]) throws -> CausewayServer {
        let target: Target
        do throws(Target.Mistake) {
            target = try Target(url ?? Self.value("CAUSEWAY_URL", environment) ?? Self.defaultURL)
        } catch {
            throw Exit.because("--url: \(error.sentence)", Exit.configuration)
        }
        if let caFile, (try? NIOSSLCertificate.fromPEMFile(caFile))?.isEmpty ?? true {
            throw Exit.because("--ca-file \(caFile) does not exist, or contains no PEM certificate", Exit.configuration)
        }
        let (token, file) = try token(environment)
        return CausewayServer(target: target, token: token, tokenFile: file, authorities: caFile, timeout: requestTimeout)
    }

    /// Returns the token: of the named file, of `CAUSEWAY_TOKEN`, of the file that `CAUSEWAY_TOKEN_FILE` names.
    private func token(_ environment: [String: String]) throws -> (token: String, file: String?) {
        let named = Self.value("CAUSEWAY_TOKEN", environment)
        let file = tokenFile ?? (named == nil ? Self.value("CAUSEWAY_TOKEN_FILE", environment) : nil)
        guard let token = file.map({ SecretFile.read($0) }) ?? named else {
            throw Exit.because(
                file.map { "\($0) is not a readable file with a token" }
                    ?? "missing token: set CAUSEWAY_TOKEN, or name a file with --token-file",
                Exit.configuration
            )
        }
        guard CausewayServer.isSendable(token) else {
            throw Exit.because("the token has invalid characters: it must be the token and nothing else", Exit.configuration)
        }
        return (token, file)
    }

    /// Returns a variable; nil if it is empty, as an unset one in scripts often is.
    private static func value(_ name: String, _ environment: [String: String]) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension ServerArguments {
    /// Sends a request, prints the answer, and returns its body.
    ///
    /// - Parameter text: Formats the answer for people; its result is printed unless `--output json` was given.
    /// - Throws: the exit code of the command, after printing an error message.
    @discardableResult
    func perform<Answer: Decodable>(
        _ request: CausewayServer.Request,
        _ type: Answer.Type,
        text: (Answer, [UInt8]) -> String
    ) async throws -> Answer {
        let body = try await server().answer(to: request)
        let answer = try CausewayServer.decode(type, body)
        print(body, text(answer, body))
        return answer
    }

    /// Prints the server's answer, or the text, as `--output` says.
    func print(_ body: [UInt8], _ text: @autoclosure () -> String) {
        Console.print(output == .json ? String(decoding: body, as: UTF8.self) : text())
    }
}
