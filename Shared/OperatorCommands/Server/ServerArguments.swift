import ArgumentParser
import Basics
import FoundationEssentials
import NIOSSL
import ServiceKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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

    @Option(
        help: ArgumentHelp(
            "A profile of ~/.config/causeway/profiles. Default: CAUSEWAY_PROFILE, or the profile default if there is one.",
            valueName: "name"
        )
    )
    var profile: String?

    @Option(
        help: """
            Causeway's address, with a path if its paths are below one. Default: CAUSEWAY_URL, the profile's, or \(Self.defaultURL).
            """
    )
    var url: String?

    @Option(
        help: """
            A file with the token and nothing else; - for standard input. Default: CAUSEWAY_TOKEN, the file that CAUSEWAY_TOKEN_FILE names, or the \
            profile's.
            """
    )
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
        do throws(Profiles.Mistake) {
            let choice = try choice(environment)
            let target: Target
            do throws(Target.Mistake) {
                target = try Target(choice.url ?? Self.defaultURL)
            } catch {
                throw Profiles.Mistake(sentence: "\(choice.urlSource): \(error.sentence)")
            }
            let authorities = caFile ?? choice.authorities
            if let authorities, (try? NIOSSLCertificate.fromPEMFile(authorities))?.isEmpty ?? true {
                throw Profiles.Mistake(sentence: "--ca-file \(authorities) does not exist, or contains no PEM certificate")
            }
            let token = try choice.token.read()
            guard CausewayServer.isSendable(token) else {
                throw Profiles.Mistake(sentence: "the token has invalid characters: it must be the token and nothing else")
            }
            return CausewayServer(
                target: target,
                token: token,
                tokenFile: choice.token.file,
                authorities: authorities,
                timeout: requestTimeout
            )
        } catch {
            throw Exit.because(error.sentence, Exit.configuration)
        }
    }

    /// Where the token is.
    private enum TokenSource {
        case text(String)
        case file(String)
        /// Checked for permissions.
        case fileOfProfile(String)
        case missing

        /// The file that may later have another token.
        var file: String? {
            switch self {
            case .file(let file), .fileOfProfile(let file): file == "-" ? nil : file
            case .text, .missing: nil
            }
        }

        func read() throws(Profiles.Mistake) -> String {
            switch self {
            case .text(let token): return token
            case .fileOfProfile(let file): return try Profiles.token(in: file)
            case .file("-"):
                let content = try? BoundedFile.read(descriptor: STDIN_FILENO, maximumBytes: SecretFile.maximumBytes)
                guard let token = content.flatMap(SecretFile.secret) else { throw Profiles.Mistake(sentence: "no token on standard input") }
                return token
            case .file(let file):
                guard let token = SecretFile.read(file) else {
                    throw Profiles.Mistake(sentence: "\(file) is not a readable file with a token")
                }
                return token
            case .missing:
                throw Profiles.Mistake(
                    sentence: "missing token: set CAUSEWAY_TOKEN, name a file with --token-file, or use a profile with a token-file"
                )
            }
        }
    }

    private struct Choice {
        var url: String?
        var urlSource = "--url"
        var token = TokenSource.missing
        var authorities: String?
    }

    /// Combines options, variables and the profile: an option counts before all others, a variable before the profile unless --profile names one.
    ///
    /// The token of a profile is sent to the address of that profile alone.
    private func choice(_ environment: [String: String]) throws(Profiles.Mistake) -> Choice {
        // Variables describe another deployment than the profile that the command line names.
        let variables = profile == nil ? environment : [:]
        let file = try Profiles.path(environment).flatMap { path throws(Profiles.Mistake) in
            try Profiles.read(path, home: Self.value("HOME", environment))
        }
        let name = profile ?? Self.value("CAUSEWAY_PROFILE", environment)
        if name != nil, file == nil {
            let path = Profiles.path(environment) ?? "~/.config/causeway/profiles"
            throw Profiles.Mistake(sentence: "\(path) does not exist: write [name], url and token-file into it")
        }
        let fallback = file?.profiles[Profiles.defaultName] == nil ? nil : Profiles.defaultName
        let chosen = try (name ?? fallback).flatMap { name throws(Profiles.Mistake) in try file?.profile(named: name) }

        var choice = Choice(authorities: chosen?.caFile)
        let ownURL = url ?? Self.value("CAUSEWAY_URL", variables)
        choice.url = ownURL ?? chosen?.url
        choice.urlSource = url != nil ? "--url" : ownURL != nil ? "CAUSEWAY_URL" : "url of the profile"
        if let tokenFile {
            choice.token = .file(tokenFile)
        } else if let token = Self.value("CAUSEWAY_TOKEN", variables) {
            choice.token = .text(token)
        } else if let named = Self.value("CAUSEWAY_TOKEN_FILE", variables) {
            choice.token = .file(named)
        } else if let file = chosen?.tokenFile {
            guard ownURL == nil || ownURL == chosen?.url else {
                throw Profiles.Mistake(
                    sentence: "the profile's token is for the profile's url alone: name a token for \(choice.urlSource) with --token-file"
                )
            }
            choice.token = .fileOfProfile(file)
        }
        return choice
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
