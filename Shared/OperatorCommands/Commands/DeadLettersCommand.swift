package import ArgumentParser
import Basics
import CausewayProducer
import EventLog
import EventModel
import Logging
package import ServiceKit

/// `causeway dead-letters`: lists, retries and drops dead letters, which are work that failed and was set aside.
package struct DeadLettersCommand: AsyncParsableCommand, ConfiguredCommand {
    package static let schema = ConfigurationSchema(
        command: "dead-letters",
        summary: "Lists, retries and drops work that failed and was set aside.",
        keys: .publishing
    )

    package static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Lists, retries and drops work that failed and was set aside.",
        discussion: """
            Work on an event becomes a dead letter when it fails because of the event's content, or has failed for hours. Letters are kept for 30 days, \
            at most the newest 1,000 of each tenant and kind of work.
            """,
        version: ConfigurationSchema.versionText("dead-letters"),
        subcommands: [List.self, Retry.self, Drop.self]
    )

    package init() {}

    /// Selects letters.
    struct Selection: ParsableArguments {
        @Option(help: "Only letters of this tenant.")
        var tenant: String?

        @Option(help: "Only letters of this kind of work: decision-effects, approval-requests or approval-expiry.")
        var work: String?

        @Option(help: "How long to wait for the bus.", transform: DurationOption.parse)
        var timeout: Duration = .seconds(10)

        @OptionGroup(title: "Settings") var settings: SettingsArguments<DeadLettersCommand>

        /// Returns the selected letters with ids above `after`.
        func letters(_ letters: DeadLetters, after: UInt64, limit: Int) async throws -> [DeadLetters.Stored] {
            let tenant: Tenant?
            do throws(Basics.ValidationError) {
                tenant = try self.tenant.map { text throws(Basics.ValidationError) in try Tenant(text, field: "--tenant") }
            } catch {
                throw Exit.because(error)
            }
            return try await letters.list(tenant: tenant, work: work, after: after, limit: limit)
        }

        func validate() throws {
            guard let work else { return }
            guard !work.isEmpty, work.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
            else { throw ArgumentParser.ValidationError("--work must be a kind of work, such as decision-effects") }
        }

        /// Connects, runs `body` and disconnects.
        func withLetters(_ body: (DeadLetters) async throws -> Void) async throws {
            let settings = try settings.settings()
            settings.bootstrapLogging()
            try await EventProducer.whileConnected(settings, command: "dead-letters", timeout: timeout) { producer in
                do {
                    try await body(DeadLetters(of: try await producer.ready(within: timeout), logger: Logger(label: ProgramName.current)))
                } catch let error as EventLogError {
                    throw Exit.because(error.message, error.code == .rejected ? Exit.invalidEvent : Exit.unavailable)
                }
            }
        }
    }

    /// Names letters.
    struct NamedLetters: ParsableArguments {
        @Argument(help: "The ids of letters.")
        var ids: [UInt64] = []

        @Flag(help: "All letters, or all of --tenant and --work.")
        var all = false

        func validate() throws {
            guard all == ids.isEmpty else {
                throw ArgumentParser.ValidationError(all ? "give ids or --all, not both" : "give the ids of letters, or --all")
            }
        }
    }

    /// `causeway dead-letters list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract:
                "Prints a line of JSON for each letter, oldest first: its id, tenant and kind of work, the entry of the log, when and why it failed.",
            usage: "\(ProgramName.current) dead-letters list [--tenant <tenant>] [--work <work>] [--after <id>] [--limit <limit>]",
            discussion: ConfigurationSchema.settingsHelp,
            version: ConfigurationSchema.versionText("dead-letters list")
        )

        @OptionGroup var selection: Selection

        @Option(help: "Only letters with a higher id.")
        var after: UInt64 = 0

        @Option(help: "Maximum number of letters.")
        var limit = 100

        func run() async throws {
            try await selection.withLetters { letters in
                for stored in try await selection.letters(letters, after: after, limit: limit) {
                    Console.print(stored.letter.json(id: stored.id).text)
                }
            }
        }
    }

    /// `causeway dead-letters retry`.
    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry",
            abstract: "Retries the work of letters and removes them. Work that fails again becomes a new letter.",
            usage: "\(ProgramName.current) dead-letters retry <id> … | --all [--tenant <tenant>] [--work <work>]",
            discussion: ConfigurationSchema.settingsHelp,
            version: ConfigurationSchema.versionText("dead-letters retry")
        )

        @OptionGroup var letters: NamedLetters
        @OptionGroup var selection: Selection

        func run() async throws { try await selection.each(of: letters) { letters, id in try await letters.retry(id) } }
    }

    /// `causeway dead-letters drop`.
    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "drop",
            abstract: "Removes letters without retrying their work.",
            usage: "\(ProgramName.current) dead-letters drop <id> … | --all [--tenant <tenant>] [--work <work>]",
            discussion: ConfigurationSchema.settingsHelp,
            version: ConfigurationSchema.versionText("dead-letters drop")
        )

        @OptionGroup var letters: NamedLetters
        @OptionGroup var selection: Selection

        func run() async throws { try await selection.each(of: letters) { letters, id in try await letters.drop(id) } }
    }
}

extension DeadLettersCommand.Selection {
    /// Number of letters per query.
    private static let pageSize = 100

    /// Runs `body` for each named letter, or for all letters that exist when it starts.
    func each(of named: DeadLettersCommand.NamedLetters, _ body: (DeadLetters, UInt64) async throws -> Void) async throws {
        try await withLetters { letters in
            for id in named.all ? try await ids(letters) : named.ids { try await body(letters, id) }
        }
    }

    /// Returns the ids of all selected letters. The list is complete before `body` runs, so that letters which a retry stores again are not retried twice.
    private func ids(_ letters: DeadLetters) async throws -> [UInt64] {
        var ids: [UInt64] = []
        while true {
            let page = try await self.letters(letters, after: ids.last ?? 0, limit: Self.pageSize)
            ids += page.map(\.id)
            if page.count < Self.pageSize { return ids }
        }
    }
}
