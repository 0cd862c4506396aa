import EventModel

/// The methods that a client may call.
enum MethodName {
    /// The longest name that goes to the bus, in bytes of UTF-8.
    static let maximumBytes = 128

    /// A method of the relay itself.
    enum Own: Hashable, Sendable {
        case ping
        case authenticate
        case subscribe(EventFamily)
        case unsubscribe(EventFamily)
    }

    /// The relay's own methods (contract §6).
    static func own(_ name: String) -> Own? { table[name] }

    /// Whether services may implement the method. False for names that the specification reserves (JSON-RPC 2.0 §4.3), and for those that,
    /// alone or with `.progress` appended, equal a notification of the relay.
    static func isCommand(_ name: String) -> Bool {
        let isLong = name.isEmpty || name.utf8.count > maximumBytes
        return !isLong && !name.utf8.starts(with: "rpc.".utf8) && !name.utf8.starts(with: "stream.".utf8) && !notices.contains(name)
            && !notices.contains("\(name).progress")
    }

    /// The names of the relay's notifications.
    private static let notices = Set(["connected", "pong"] + EventFamily.allCases.flatMap(\.typeNames))

    private static let table: [String: Own] = {
        var table: [String: Own] = ["ping": .ping, "authenticate": .authenticate]
        for family in EventFamily.allCases {
            table["\(family.name).subscribe"] = .subscribe(family)
            table["\(family.name).unsubscribe"] = .unsubscribe(family)
        }
        return table
    }()
}
