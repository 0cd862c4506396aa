import Testing

@testable import LoadKit

/// The clients and the bare loop together, over real sockets: every count is known in advance.
@Suite struct BareLoopTests {
    /// The directory of the package's executables, which is also the test runner's.
    private var directory: String {
        CommandLine.arguments.compactMap { $0.hasSuffix(".xctest") ? $0 : nil }.first.map(parent) ?? parent(CommandLine.arguments[0])
    }

    private func parent(_ path: String) -> String { path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } }

    private func loaded(_ arguments: String, body: (LoadTarget, BareLoop) throws -> Void) throws {
        let options = try LoadOptions(arguments: arguments.split(separator: " ").map(String.init)) { _ in nil }
        let client = try LoadClient(threads: options.clientThreads, surface: options.surface)
        let bareLoop = try BareLoop(path: directory + "/bare-loop", surface: options.surface, payload: options.payload)
        defer {
            client.stop()
            bareLoop.stop()
        }
        let target = LoadTarget(
            address: bareLoop.address,
            processID: bareLoop.processID,
            publisher: bareLoop,
            client: client,
            tenants: options.tenants
        )
        _ = try target.open(0..<options.connections) { index in
            options.surface.request(host: "localhost", tenant: "", token: "", fields: "x-load-group: \(target.tenant(ofStream: index))\r\n")
        }
        try body(target, bareLoop)
    }

    @Test(arguments: [1, 2])
    func everyClientGetsEveryEventOnce(threads: Int) throws {
        try loaded("--connections 30 --client-threads \(threads)") { target, bareLoop in
            for delivery in [BareLoop.Delivery.single, .joined, .single] {
                bareLoop.use(delivery)
                let figures = try target.load(events: 50, interval: nil)
                #expect(figures.tally.deliveries == 30 * 50)
                #expect(figures.tally.latency.count == 30 * 50)
                #expect(
                    figures.tally.bytes == 30 * 50
                        * NotificationSurface().delivery(of: TickPayload(size: 200).bytes(Tick(counter: 1, sent: 1))).count
                )
                #expect(figures.processor > 0)
            }
        }
    }

    @Test func moreThanASocketHoldsArrivesToo() throws {
        try loaded("--connections 10 --payload-bytes 60000") { target, bareLoop in
            for delivery in [BareLoop.Delivery.single, .joined, .joined] {
                bareLoop.use(delivery)
                let figures = try target.load(events: 100, interval: nil)
                #expect(figures.tally.deliveries == 10 * 100)
            }
        }
    }

    @Test func aTenantsEventsGoToItsOwnStreams() throws {
        try loaded("--connections 14 --tenants 4") { target, bareLoop in
            // Four tenants have 4, 4, 3 and 3 streams. With six events, the first two tenants get two each.
            let six = try target.load(events: 6, interval: nil)
            #expect(six.tally.deliveries == 4 + 4 + 3 + 3 + 4 + 4)
            bareLoop.use(.joined)
            let two = try target.load(events: 2, interval: nil)
            #expect(two.tally.deliveries == 3 + 3)
        }
    }

    @Test func pacedEventsTakeTheirTime() throws {
        try loaded("--connections 10") { target, _ in
            let figures = try target.load(events: 10, interval: 20_000_000)
            #expect(figures.wall >= 200_000_000)
            #expect(figures.deliveriesPerRead < 1.5)
        }
    }

    @Test func aServerThatIsNotThereIsSaidSo() throws {
        let client = try LoadClient(threads: 1, surface: NotificationSurface())
        defer { client.stop() }
        let opening = Opening(address: try SocketAddress("127.0.0.1:1"), request: [1])
        #expect(throws: LoadError.self) { try client.open([opening]) }
    }
}
