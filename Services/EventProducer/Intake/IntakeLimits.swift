import ServiceKit

/// What the intake takes at a time.
struct IntakeLimits: Sendable, Hashable {
    /// The largest body, in bytes. A thousand events of the largest payload would be 250 MiB, which nobody sends at once: sixteen hold
    /// sixty of those, or a thousand of 16 KiB.
    var bodyBytes = 16 << 20
    /// How many bytes of bodies are in memory at a time.
    var totalBodyBytes = 128 << 20
    /// How long the log may take to store the events of a request.
    var timeout: Duration = .seconds(5)
    /// How long a body may take to arrive.
    var bodyTimeout: Duration = .seconds(30)
    /// How many events of one tenant are taken in a second in the long run; 0 for no limit.
    var eventsPerSecond = 1_000
    /// How many bytes of payloads of one tenant are taken in a second in the long run; 0 for no limit.
    var bytesPerSecond = 4 << 20
}

extension ConfigurationKey {
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

extension [ConfigurationKey] {
    /// What the intake takes at a time.
    static let intake: [ConfigurationKey] = [
        .intakeBodyBytes, .intakeTotalBytes, .intakeTimeout, .intakeBodyTimeout, .intakeEventsPerSecond, .intakeBytesPerSecond,
    ]
}

extension IntakeLimits {
    /// The limits that the keys of ``Swift/Array/intake`` set.
    ///
    /// - Throws: when one body may be larger than all together.
    init(_ settings: Settings) throws(ConfigurationError) {
        bodyBytes = settings.byteSize(.intakeBodyBytes)
        totalBodyBytes = settings.byteSize(.intakeTotalBytes)
        timeout = settings.duration(.intakeTimeout)
        bodyTimeout = settings.duration(.intakeBodyTimeout)
        eventsPerSecond = settings.integer(.intakeEventsPerSecond)
        bytesPerSecond = settings.byteSize(.intakeBytesPerSecond)
        guard bodyBytes <= totalBodyBytes else {
            throw .configuration("intake.total.bytes is less than intake.body.bytes: raise it, or no large request is ever taken")
        }
    }
}
