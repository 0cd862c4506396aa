import Basics
import CausewayProducer
import EventLog
import EventModel
import Logging
import NATSClient
import TestKit
import Testing

/// A producer, and beside it a connection with which the test looks at what lies in the log.
final class ProducerBench: Sendable {
    /// What the producers' clock says.
    static let now = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let server: NATSServer
    let connection: NATSConnection
    let producer: EventProducer

    init(_ options: NATSServer.Options = NATSServer.Options()) async throws {
        server = try await NATSServer(options)
        connection = try await NATSConnection.connect(Self.configuration(server.url).nats, logger: Self.quiet)
        producer = Self.producer(on: connection, server.url)
    }

    /// As a producer's program has it, but that it looks for a lost server more often, and gives the server more time for one answer: on a busy
    /// machine an append that is repeated finds itself, and says so.
    static func configuration(_ url: String, timeout: Duration = .seconds(20)) -> ProducerConfiguration {
        var configuration = ProducerConfiguration(timeout: timeout)
        configuration.nats.servers = [url]
        configuration.nats.reconnectWait = .milliseconds(20)
        configuration.nats.reconnectJitter = .milliseconds(1)
        configuration.log.maxBytes = 1 << 30
        configuration.log.requestTimeout = .seconds(10)
        return configuration
    }

    private static func producer(on connection: NATSConnection, _ url: String) -> EventProducer {
        EventProducer(connection: connection, configuration: configuration(url), logger: quiet, now: { Self.now })
    }

    /// Simulates a producer in another process, with the system clock.
    func another(timeout: Duration = .seconds(20)) async throws -> EventProducer {
        try await EventProducer.connect(Self.configuration(server.url, timeout: timeout), logger: Self.quiet)
    }

    /// A producer for a port without a listener.
    static func unconnected(timeout: Duration) async throws -> EventProducer {
        try await EventProducer.connect(configuration("nats://127.0.0.1:\(LoopbackPort.free())", timeout: timeout), logger: quiet)
    }

    var jetStream: JetStream { JetStream(connection, timeout: .seconds(10)) }

    func stored(_ sequence: UInt64) async throws -> StoredMessage {
        try await jetStream.message(stream: "EVENTS", sequence: sequence)
    }

    /// How many messages have ever been stored.
    var storedCount: UInt64 {
        get async throws { try await jetStream.streamInfo("EVENTS").state.lastSequence }
    }

    /// The place that the log gives an event of the producer's clock.
    func cursor(_ sequence: UInt64) async throws -> Cursor {
        Cursor(time: Self.now, epoch: try await producer.ready().epoch, sequence: sequence)
    }
}

extension StoredMessage {
    /// The headers, each of which must be there once.
    var fields: [String: String] {
        get throws {
            #expect(Set(headers.fields.map(\.name)).count == headers.fields.count, "a header stands twice")
            return Dictionary(headers.fields.map { ($0.name, $0.value) }) { first, _ in first }
        }
    }

    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// A checked event.
func event(_ id: String, tenant: Tenant = "acme", type: String = "incident.created", payload: String = #"{"incidentId":"i-1"}"#) throws
    -> Event
{
    Event(
        id: try EventID(id),
        tenant: tenant,
        type: try EventType(type),
        time: ProducerBench.now,
        payload: try Payload(validating: Array(payload.utf8))
    )
}

/// The error with which `body` fails.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> some Any
) async -> ProducerError? {
    await #expect(throws: ProducerError.self, sourceLocation: sourceLocation) { _ = try await body() }
}
