import Glibc

/// Options of a load on an approval API.
public struct DecisionOptions: Sendable {
    /// The server under load.
    let address: SocketAddress
    let processID: pid_t
    /// The nats-server with the log of the decisions.
    let bus: SocketAddress
    let secret: String
    /// Numbers of concurrent clients; each is a separate measurement.
    private(set) var clients = [1, 8, 32]
    /// Number of approvals per measurement.
    private(set) var approvals = 2000
    /// Whether the approvals have a group.
    private(set) var hasGroup = false
    private(set) var rounds = 3
    /// Prefix of the tenants' names.
    private(set) var tenantName = "load"
    private(set) var affinity: Affinity?

    /// - Parameters:
    ///   - arguments: the arguments without the program's name and `--decisions`.
    ///   - environment: looks up a variable; `AUTH_HS256_SECRET` is the default of `--secret`.
    public init(arguments: [String], environment: (String) -> String?) throws(LoadError) {
        var address: SocketAddress?
        var processID: pid_t?
        var bus: SocketAddress?
        var secret = environment("AUTH_HS256_SECRET")
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw LoadError("\(option) needs a value; --help lists the options.") }
            switch option {
            case "--edge": address = try SocketAddress(value)
            case "--edge-pid": processID = pid_t(try OptionValue.whole(option, value, 1...Int(ProcessMeter.maximumProcessID) - 1))
            case "--nats": bus = try SocketAddress(value)
            case "--secret": secret = value
            case "--clients": clients = try Self.clients(option, value)
            case "--approvals": approvals = try OptionValue.whole(option, value, 10...10_000)
            case "--group":
                guard ["yes", "no"].contains(value) else { throw LoadError("--group \(value): give yes or no.") }
                hasGroup = value == "yes"
            case "--rounds": rounds = try OptionValue.whole(option, value, 1...100)
            case "--tenant": tenantName = try OptionValue.plainName(option, value)
            case "--pin": affinity = try Affinity(value)
            default: throw LoadError("With --decisions there is no option \(option); --help lists them.")
            }
        }
        guard let address, let processID, let bus, let secret, !secret.isEmpty else {
            throw LoadError("Give --edge, --edge-pid and --nats, and in AUTH_HS256_SECRET or --secret what tokens are checked with.")
        }
        (self.address, self.processID, self.bus, self.secret) = (address, processID, bus, secret)
        if let most = clients.max(), most > approvals { throw LoadError("--clients must not be more than --approvals.") }
    }

    /// Parses numbers of clients, without repetitions, in the given order.
    private static func clients(_ option: String, _ value: String) throws(LoadError) -> [Int] {
        var numbers: [Int] = []
        for number in value.split(separator: ",", omittingEmptySubsequences: false) {
            numbers.append(try OptionValue.whole(option, String(number), 1...1000))
        }
        guard Set(numbers).count == numbers.count, numbers.count <= 6 else {
            throw LoadError("\(option) \(value): give up to six different numbers.")
        }
        return numbers
    }
}
