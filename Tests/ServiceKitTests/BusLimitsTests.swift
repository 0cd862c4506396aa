import AccessControl
import EventLog
import Logging
import NATSClient
import TestKit
import Testing

@testable import ServiceKit

@Suite struct BusLimitsTests {
    private let unlimited = JetStreamAccount(limits: .init(maxMemory: -1, maxStorage: -1))

    @Test func whatIsLargeEnoughIsNotMentioned() {
        for payload in [nil, EventLog.largestMessage, 1 << 20] {
            #expect(BusLimits.findings(maximumPayload: payload, .success(unlimited), EventLogConfiguration()).isEmpty)
        }
        let large = JetStreamAccount(limits: .init(maxMemory: 0, maxStorage: 1 << 40))
        #expect(BusLimits.findings(maximumPayload: nil, .success(large), EventLogConfiguration()).isEmpty)
    }

    @Test func whatIsTooSmallIsNamedWithItsSetting() {
        let small = JetStreamAccount(limits: .init(maxMemory: -1, maxStorage: 1 << 20))
        let findings = BusLimits.findings(maximumPayload: 65_536, .success(small), EventLogConfiguration())
        #expect(findings.count == 2)
        #expect(findings[0].message.contains("max_payload") && findings[0].metadata["nats.max_payload"] == "65536")
        #expect(findings[1].message.contains("EVENT_LOG_MAX_BYTES") && findings[1].metadata["nats.max_storage"] == "1048576")
        var memory = EventLogConfiguration()
        memory.storage = .memory
        #expect(BusLimits.findings(maximumPayload: nil, .success(small), memory).isEmpty)
    }

    @Test func aServerWithoutJetStreamIsToldApartFromOneThatIsAway() async throws {
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let server = try await NATSServer(NATSServer.Options(hasJetStream: false))
        let connection = try await NATSConnection.connect(NATSConfiguration(servers: [server.url]), logger: quiet)
        let error = await #expect(throws: JetStreamError.self) { try await JetStream(connection, timeout: .seconds(5)).account() }
        let findings = BusLimits.findings(maximumPayload: nil, .failure(try #require(error)), EventLogConfiguration())
        #expect(findings.first?.metadata["error"]?.contains("switched off") == true)
        await connection.close()
        let away = await #expect(throws: JetStreamError.self) { try await JetStream(connection, timeout: .seconds(5)).account() }
        #expect(BusLimits.findings(maximumPayload: nil, .failure(try #require(away)), EventLogConfiguration()).isEmpty)
    }

    @Test func aConnectionThatEndsForGoodEndsTheSession() async throws {
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let server = try await NATSServer()
        let connection = try await NATSConnection.connect(NATSConfiguration(servers: [server.url]), logger: quiet)
        let readiness = Readiness()
        let session = LogSession(
            connection: connection,
            log: EventLogConfiguration(),
            revocations: RevocationFollower(
                Revocations(isRead: false),
                maximumTokenLife: .seconds(600),
                readiness: readiness,
                logger: quiet
            ),
            readiness: readiness,
            metrics: PrometheusMetrics(),
            logger: quiet
        )
        let running = Task { try await session.run { try await Task.sleep(for: .seconds(600)) } }
        await connection.close()
        await #expect(throws: BusClosedError.self) { try await running.value }
        #expect(readiness.report.conditions.first { $0.name == "bus" }?.status != .ready)
    }
}
