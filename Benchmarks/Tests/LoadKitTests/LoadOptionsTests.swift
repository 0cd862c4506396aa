import Testing

@testable import LoadKit

@Suite struct LoadOptionsTests {
    private func options(_ text: String, secret: String? = nil) throws -> LoadOptions {
        try LoadOptions(arguments: text.split(whereSeparator: \.isWhitespace).map(String.init)) { $0 == "AUTH_HS256_SECRET" ? secret : nil }
    }

    @Test func everyOptionIsRead() throws {
        let options = try options(
            """
            --edge 127.0.0.1:8081 --edge-pid 7 --nats 4222 --connections 40 --tenants 4 --tenant t-1 --payload-bytes 150 --rates 5,0.5
            --seconds 2.5 --burst 9 --single-burst 8 --rounds 2 --client-threads 2 --surface notifications --bare-loop /x --secret s
            """
        )
        #expect(options.edge?.address.port == 8081)
        #expect(options.edge?.processID == 7)
        #expect(options.edge?.bus == (try SocketAddress("127.0.0.1:4222")))
        #expect(options.connections == 40)
        #expect(options.tenants == 4)
        #expect(options.payload.size == 150)
        #expect(options.rates == [5, 0.5])
        #expect(options.seconds == 2.5)
        #expect(options.burst == 9)
        #expect(options.singleBurst == 8)
        #expect(options.rounds == 2)
        #expect(options.clientThreads == 2)
        #expect(options.bareLoopPath == "/x")
        #expect(options.secret == "s")
    }

    @Test func theSecretMayComeFromTheEnvironment() throws {
        #expect(try options("--edge 1 --edge-pid 7 --nats 2", secret: "s").secret == "s")
    }

    @Test(arguments: [
        "--connections", "--connections 9", "--connections x", "--unknown 1", "--edge 8081", "--edge 1 --edge-pid 7 --nats 2",
        "--edge host:1",
        "--edge 1:2:3", "--edge 0", "--tenant a.b", "--rates 5,x", "--tenants 50 --connections 40", "--token t --tenants 2", "--pin 0",
        "--pin 0,100000", "--surface x", "--payload-bytes 10",
    ])
    func whatCannotBeDoneIsRefused(text: String) {
        #expect(throws: LoadError.self) { try options(text) }
    }
}
