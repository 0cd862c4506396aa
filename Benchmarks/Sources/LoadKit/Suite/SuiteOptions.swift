import Glibc

/// Options of the suite: measurements, programs, duration.
public struct SuiteOptions: Sendable {
    /// The folder with the project's programs.
    let programs: String
    let yardstick: String
    let natsServer: String
    let bareLoop: String
    /// An empty folder for data and logs.
    let directory: String
    let secret: String
    private(set) var rounds = 3
    private(set) var affinity: Affinity?
    /// Whether to use numbers so small that a run takes a minute. The figures mean little, but the checks are valid.
    private(set) var isQuick = false
    /// The names of the chosen measurements; all by default.
    private(set) var chosen: [String]

    /// - Parameters:
    ///   - arguments: The arguments without the program's name and `--suite`.
    ///   - environment: Looks up a variable; `AUTH_HS256_SECRET` is the secret for signing tokens.
    ///   - executableDirectory: The directory of the bare loop.
    public init(arguments: [String], environment: (String) -> String?, executableDirectory: String) throws(LoadError) {
        var paths: [String: String] = [:]
        chosen = Suite.names
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if option == "--quick" {
                isQuick = true
                rounds = 1
                continue
            }
            guard let value = rest.popFirst() else { throw LoadError("\(option) needs a value; --help lists the options.") }
            switch option {
            case "--programs", "--yardstick", "--nats-server", "--directory": paths[option] = value
            case "--rounds": rounds = try OptionValue.whole(option, value, 1...100)
            case "--pin": affinity = try Affinity(value)
            case "--only": chosen = try Self.measurements(option, value)
            default: throw LoadError("With --suite there is no option \(option); --help lists them.")
            }
        }
        guard let programs = paths["--programs"], let yardstick = paths["--yardstick"], let server = paths["--nats-server"],
            let directory = paths["--directory"], let secret = environment("AUTH_HS256_SECRET"), !secret.isEmpty
        else {
            throw LoadError("Give --programs, --yardstick, --nats-server and --directory, and a secret in AUTH_HS256_SECRET.")
        }
        (self.programs, self.yardstick, natsServer, self.directory, self.secret) = (programs, yardstick, server, directory, secret)
        bareLoop = "\(executableDirectory)/bare-loop"
    }

    /// Returns `full`, or `quick` in a quick run.
    func size(_ full: Int, quick: Int) -> Int { isQuick ? quick : full }

    /// Returns a token of a user.
    func token(user: String = "load", tenant: String = "load", roles: [String] = ["member"]) -> String {
        TokenMinter.mint(subject: user, tenant: tenant, roles: roles, secret: secret)
    }

    private static func measurements(_ option: String, _ value: String) throws(LoadError) -> [String] {
        let names = value.split(separator: ",").map(String.init)
        guard !names.isEmpty, names.allSatisfy(Suite.names.contains) else {
            throw LoadError("\(option) \(value): give some of \(Suite.names.joined(separator: ", ")), separated by commas.")
        }
        return names
    }
}

extension SuiteOptions {
    /// The part of `--help` about the suite.
    public static let usage = """
        causeway-load --suite: every figure that docs/performance.md shows, as one table.

          --programs DIR            the folder of the project's programs
          --yardstick PATH          hummingbird-yardstick
          --nats-server PATH        the nats-server
          --directory DIR           an empty folder for data and logs
          --rounds N                measurements of each; medians are printed (3)
          --only NAME[,NAME…]       some measurements only: \(Suite.names.joined(separator: ", "))
          --quick                   small numbers and one round: the figures mean little, the checks count
          --pin S,C                 processor S for what is measured, C for the load and the nats-server
        """
}
