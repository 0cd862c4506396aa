import Basics
import EventModel
import NIOCore
import NIOPosix
import Synchronization
import TestKit

@testable import Webhooks

/// A resolver with prepared answers.
final class FixedResolver: HostResolver {
    private let answers: Mutex<[[String]]>
    private let names = Mutex<[String]>([])

    /// - Parameter answers: the addresses of each look-up, the last ones for all further look-ups.
    init(_ answers: [String]...) {
        self.answers = Mutex(answers)
    }

    /// The names that were looked up.
    var lookUps: [String] { names.withLock { $0 } }

    func addresses(of name: String, for tenant: Tenant) async -> [IPAddress] {
        names.withLock { $0.append(name) }
        return answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.compactMap { IPAddress($0) }
    }
}

/// A resolver that does not answer until it is told to.
final class SilentResolver: HostResolver {
    let end = OneShot<Void>()

    func addresses(of name: String, for tenant: Tenant) async -> [IPAddress] {
        try? await end.value()
        return []
    }
}

/// A sender, and the addresses to which it opened sockets.
final class SenderBench: Sendable {
    static let time = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    static let message = SignedMessage(
        id: Cursor(time: time, epoch: 1, sequence: 1),
        type: EventType(generated: "incident.opened"),
        time: time,
        data: Array(#"{"a":1}"#.utf8)
    )

    let sender: WebhookSender
    let secrets = EndpointSecrets(.generate())
    private let dialled: SharedList

    init(
        allowed: [String] = ["127.0.0.1"],
        resolver: any HostResolver = FixedResolver(["127.0.0.1"]),
        certificates: TestCertificates? = nil,
        timeout: Duration = .seconds(60),
        configure: (inout WebhookSenderConfiguration) -> Void = { _ in },
        dial: @escaping Connector.Dial = { bootstrap, address in bootstrap.connect(to: address) }
    ) throws {
        var configuration = WebhookSenderConfiguration(
            rules: try AddressRules(allowedNetworks: allowed),
            authoritiesFile: certificates?.caFile
        )
        configuration.timeout = timeout
        configure(&configuration)
        let dialled = SharedList()
        self.dialled = dialled
        sender = try WebhookSender(configuration, resolver: resolver, now: { Self.time }) { bootstrap, address in
            dialled.add("\(address.ipAddress ?? "?"):\(address.port ?? 0)")
            return dial(bootstrap, address)
        }
    }

    deinit { sender.close() }

    /// The addresses to which sockets were opened.
    var dials: [String] { dialled.items }

    func send(to url: String, of tenant: Tenant = "acme", message: SignedMessage = SenderBench.message) async throws -> AttemptOutcome {
        await sender.send(message, to: try WebhookURL(url), of: tenant, signedBy: secrets)
    }
}

/// A list that any thread appends to.
final class SharedList: Sendable {
    private let list = Mutex<[String]>([])

    var items: [String] { list.withLock { $0 } }
    func add(_ item: String) { list.withLock { $0.append(item) } }
}
