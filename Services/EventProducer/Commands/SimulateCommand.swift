import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import ServiceKit
import UnixSignals

/// `event-producer simulate`: publishes simulated events directly to the bus.
struct SimulateCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(
        command: "simulate",
        summary: "Publishes simulated events.",
        keys: .publishing
    )

    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Publishes simulated events: incidents with their investigation, approvals, jobs, and executions of agents.",
        discussion: """
            Prints one line per event. Approvals are left to people: an incident goes on after the decision, and is closed if its approval expires \
            after a few minutes. Ends on SIGINT or SIGTERM, or at --count or --duration, and retries while the bus is unreachable.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("simulate")
    )

    @Option(help: "Events per second, in all tenants together.")
    var rate = 2.0

    @Option(help: "The tenants, joined by commas.")
    var tenants = "acme,globex"

    @Option(help: "The users of every tenant, joined by commas.")
    var users = "ann,bob,carol"

    @Option(help: "The seed, to repeat a simulation; random by default.")
    var seed: UInt64?

    @Option(help: "Number of events; unlimited by default.")
    var count: Int?

    @Option(help: "Duration, such as 30s or 5m; unlimited by default.", transform: DurationOption.parse)
    var duration: Duration?

    @Flag(help: "Decide approvals after some seconds, instead of leaving them to people.")
    var autoApprove = false

    @Option(help: "How long to wait for the bus at the start.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(30)

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func validate() throws {
        guard (0.001...10_000).contains(rate) else {
            throw ArgumentParser.ValidationError("--rate must be from 0.001 to 10000 events a second")
        }
        guard count ?? 1 > 0 else { throw ArgumentParser.ValidationError("--count must be at least 1") }
        _ = try cast()
    }

    func run() async throws {
        let settings = try settings.settings()
        settings.bootstrapLogging()
        let simulation = Simulation(cast: try cast(), seed: seed ?? .random(in: .min ... .max))
        try await EventProducer.whileConnected(settings, command: "simulate", timeout: timeout) { producer in
            let driver = SimulationDriver(
                sink: producer,
                rate: rate,
                bounds: SimulationDriver.Bounds(count: count, duration: duration),
                timeout: .seconds(5),
                print: Console.print,
                complain: Console.complain
            )
            let stored = try await Self.untilSignalled { try await driver.run(simulation) }
            Console.complain("\(stored) events published")
        }
    }

    private func cast() throws -> Cast {
        func names(_ list: String) -> [String] {
            list.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init).filter { !$0.isEmpty }
        }
        let users: [UserID]
        let tenants: [Tenant]
        do throws(Basics.ValidationError) {
            tenants = try names(self.tenants).map { name throws(Basics.ValidationError) in try Tenant(name, field: "--tenants") }
            users = try names(self.users).map { name throws(Basics.ValidationError) in try UserID(name, field: "--users") }
        } catch {
            throw ArgumentParser.ValidationError("\(error.field): each \(error.message)")
        }
        guard !tenants.isEmpty else { throw ArgumentParser.ValidationError("--tenants must name at least one") }
        guard !users.isEmpty else { throw ArgumentParser.ValidationError("--users must name at least one") }
        return Cast(tenants: tenants, users: users, decidesApprovals: autoApprove)
    }

    /// Runs `body`, and cancels it at the first SIGINT or SIGTERM.
    private static func untilSignalled(_ body: @escaping @Sendable () async throws -> Int) async throws -> Int {
        let task = Task { try await body() }
        let signals = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { task.cancel() }
        }
        defer { signals.cancel() }
        return try await task.value
    }
}
