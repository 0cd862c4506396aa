import Foundation
import TestKit
import Testing

@testable import jsonrpc_relay

/// Runs the example of docs/commands.md with a real command bus and nats-server. Needs Python with nats-py, as the integration tests do.
@Suite(.enabled("python3 with nats-py is not installed") { await Python.hasNATS })
struct ResponderExampleTests {
    @Test func theExampleAnswersTellsAndStops() async throws {
        let server = try await NATSServer()
        let directory = try TemporaryDirectory()
        let output = directory.file("output")
        let responder = try ChildProcess(
            Python.path,
            ["-u", "\(Python.root)/docs/examples/responder.py"],
            environment: ["NATS_URL": server.url],
            output: output
        )
        func said() -> String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
        try #require(await eventually { said().contains("listening") }, "\(said())")
        let bus = try CommandBus(connection: try await connect(server), logger: quiet, makeULID: ulids())
        let client = Client(bus, CommandCaller(tenant: "acme eu", user: "ann"))

        client.send(#"{"jsonrpc":"2.0","id":1,"method":"agent.list"}"#)
        #expect(await eventually { client.sent.last?["result"]?["tenant"] == .string("acme eu") })

        client.send(#"{"jsonrpc":"2.0","id":2,"method":"agent.analyze","params":{"incidentId":"inc_1","steps":3,"pause":0}}"#)
        #expect(await eventually { client.sent.last?["id"] == .number("2") })
        #expect(client.sent.dropFirst().map { $0["params"]?["step"] } == [.number("1"), .number("2"), .number("3"), nil])
        #expect(client.sent.last?["result"]?["incidentId"] == .string("inc_1"))

        client.send(#"{"jsonrpc":"2.0","id":3,"method":"agent.analyze","params":{}}"#)
        #expect(await eventually { client.sent.last?["error"]?["code"] == .number("-32602") })

        client.send(#"{"jsonrpc":"2.0","id":4,"method":"agent.analyze","params":{"incidentId":"inc_2","steps":100,"pause":60}}"#)
        #expect(await eventually { client.sent.last?["params"]?["step"] == .number("1") })
        client.close()
        #expect(await eventually { said().contains("cancelled") }, "\(said())")
        withExtendedLifetime((server, responder)) {}
    }
}

private enum Python {
    /// The root of the project.
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")

    /// The integration tests' Python if it exists, else the system's.
    static var path: String {
        let own = "\(root)/.venv/bin/python"
        return FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
    }

    static var hasNATS: Bool {
        get async { (try? await ChildProcess.run(path, ["-c", "import nats"])) != nil }
    }
}
