import ArgumentParser
import Basics
import CausewayProducer
import EventLog
import EventModel
import ServiceKit

/// Names one event of the log, and reads it from the bus.
struct StoredEventArguments<Command: ConfiguredCommand>: ParsableArguments {
    @Argument(help: "The id of the event, as on every surface: evt_ and 26 characters.")
    var id: String

    @Option(help: "How long to wait for the bus.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Command>

    func validate() throws {
        guard Cursor(id) == nil else { return }
        throw ArgumentParser.ValidationError("that is not the id of an event: it is evt_ and 26 characters")
    }

    /// Connects, looks the event up, passes it to `body`, and disconnects.
    ///
    /// - Throws: the exit code of the command, after printing an error message; 65 when the log has no such event.
    func withEvent(command: String, _ body: (LogEntry, EventLog) async throws -> Void) async throws {
        guard let cursor = Cursor(id) else { return }
        let settings = try settings.settings()
        settings.bootstrapLogging()
        try await EventProducer.whileConnected(settings, command: command, timeout: timeout) { producer in
            do {
                let log = try await producer.ready(within: timeout)
                switch try await log.event(at: cursor) {
                case .found(let entry): try await body(entry, log)
                case .removed:
                    throw Exit.because("the log no longer keeps this event: it left by the limits, or was erased", Exit.invalidEvent)
                case .unknown: throw Exit.because("the log holds no event with this id: it never did, or it was erased", Exit.invalidEvent)
                }
            } catch let error as EventLogError {
                throw Exit.because(error.message, error.code == .rejected ? Exit.invalidEvent : Exit.unavailable)
            }
        }
    }
}
