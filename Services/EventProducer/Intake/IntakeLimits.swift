import Basics
import ServiceKit

/// Limits of the intake.
struct IntakeLimits: Sendable, Hashable {
    /// Maximum body size in bytes. A thousand events of the maximum payload would be 250 MiB, which is not realistic: 16 MiB hold sixty of
    /// those, or a thousand of 16 KiB.
    var bodyBytes = 16 << 20
    /// Maximum bytes of bodies in memory.
    var totalBodyBytes = 128 << 20
    /// Time limit for storing a request's events.
    var timeout: Duration = .seconds(5)
    /// Time limit for the arrival of a body.
    var bodyTimeout: Duration = .seconds(30)
    /// Events per second and tenant; 0 for no limit.
    var eventsPerSecond = 1_000
    /// Payload bytes per second and tenant; 0 for no limit.
    var bytesPerSecond = 4 << 20
    /// Bytes of the records of approval requests at once and in ``approvalsMaxAge``, for each tenant: its share of the approval records. 0 for no limit.
    var approvalBytes = 256 << 20
    /// How long a record is kept.
    var approvalsMaxAge: Duration = .seconds(365 * 86_400)
}

extension AnyConfigurationKey {
    static let intakeBodyBytes = ConfigurationKey(
        "intake.body.bytes",
        .byteSize(1024...(1 << 30)),
        default: "16MiB",
        help: "The largest body of a request; a larger one is answered with 413."
    )
    static let intakeTotalBytes = ConfigurationKey(
        "intake.total.bytes",
        .byteSize(1024...(1 << 36)),
        default: "128MiB",
        help:
            "How many bytes of bodies are in memory at a time; a request beyond them is answered with 503. Not less than intake.body.bytes."
    )
    static let intakeTimeout = ConfigurationKey(
        "intake.timeout",
        .duration(.milliseconds(10) ... .seconds(60)),
        default: "5s",
        help: "How long the log may take to store the events of a request; after that it is answered with 503."
    )
    static let intakeBodyTimeout = ConfigurationKey(
        "intake.body.timeout",
        .duration(.milliseconds(10) ... .seconds(3600)),
        default: "30s",
        help: "How long the body of a request may take to arrive."
    )
    static let intakeEventsPerSecond = ConfigurationKey(
        "intake.events.per.second",
        .integer(0...1_000_000_000),
        default: "1000",
        help: "How many events of one tenant are taken in a second in the long run, ten times as many at once; beyond it 429. 0: no limit."
    )
    static let intakeBytesPerSecond = ConfigurationKey(
        "intake.bytes.per.second",
        .byteSize(0...(1 << 40)),
        default: "4MiB",
        help:
            "How many bytes of payloads of one tenant are taken in a second in the long run, ten times as many at once; beyond it 429. 0: no limit."
    )
}

extension [AnyConfigurationKey] {
    /// The keys of the intake's limits.
    static let intake: [AnyConfigurationKey] = [
        .intakeBodyBytes, .intakeTotalBytes, .intakeTimeout, .intakeBodyTimeout, .intakeEventsPerSecond, .intakeBytesPerSecond,
    ]
}

extension IntakeLimits {
    /// Reads the limits from the keys of ``Swift/Array/intake``.
    ///
    /// - Throws: when the limit of one body exceeds that of all.
    init(_ settings: Settings) throws(ConfigurationError) {
        bodyBytes = settings[.intakeBodyBytes]
        totalBodyBytes = settings[.intakeTotalBytes]
        timeout = settings[.intakeTimeout]
        bodyTimeout = settings[.intakeBodyTimeout]
        eventsPerSecond = settings[.intakeEventsPerSecond]
        bytesPerSecond = settings[.intakeBytesPerSecond]
        approvalBytes = settings[.approvalsMaxBytes] / 4
        let maxAge = settings[.approvalsMaxAge]
        approvalsMaxAge = maxAge > .zero ? maxAge : TenantByteShares.ageWithoutExpiry
        guard bodyBytes <= totalBodyBytes else {
            throw .configuration("intake.total.bytes is less than intake.body.bytes: raise it, or no large request is ever taken")
        }
    }
}
