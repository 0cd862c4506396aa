import Logging

/// Which repeated log lines are written: of each place in the program and tenant so many a period. A pure value; the caller brings the time.
///
/// Keyed by the place and not by the text, which may hold what a client sent; and by tenant, so that one who makes many lines suppresses its own.
struct LogRepetition {
    /// Where lines come from.
    struct Place: Hashable {
        var file: String
        var line: UInt
        /// The tenant that the line is about; nil for none.
        var tenant: String?
        /// Whether it belongs to a trace: who follows one looks for its lines among many others.
        var isTraced = false
    }

    /// What becomes of a line.
    enum Verdict: Equatable {
        case written
        /// It is the first one of a period that is suppressed.
        case suppressedFirst
        case suppressed
    }

    /// What was suppressed at a place in a period.
    struct Summary {
        let place: Place
        let level: Logger.Level
        let message: String
        let source: String
        let notice: LogNotice
        var count: UInt64

        /// The line that tells of it.
        var line: [UInt8] { notice.suppressed(self) }
    }

    private struct Period {
        let begin: ContinuousClock.Instant
        var written = 0
        var suppressed: Summary?
    }

    /// The levels that are limited: who asks for `debug` wants all of it, and a `critical` line is the last one.
    static let levels: Set<Logger.Level> = [.info, .notice, .warning, .error]
    /// How many places are kept apart; beyond that, all tenants at a place are one.
    private static let maximumPlaces = 8192

    /// How many lines are written in a period.
    let allowance: Int
    let period: Duration
    private var periods: [Place: Period] = [:]
    /// How many lines were suppressed so far.
    private(set) var total: UInt64 = 0

    init(allowance: Int = 50, period: Duration = .seconds(10)) {
        self.allowance = allowance
        self.period = period
    }

    /// Whether lines were suppressed that no summary has told of.
    var isPending: Bool { periods.values.contains { $0.suppressed != nil } }

    /// Judges a line.
    ///
    /// - Returns: what becomes of it, and what was suppressed at its place in the period before, if that has just ended.
    mutating func judge(
        _ place: Place,
        _ event: LogEvent,
        _ notice: LogNotice,
        now: ContinuousClock.Instant
    ) -> (verdict: Verdict, ended: Summary?) {
        let place = known(place, now: now)
        var current = periods[place] ?? Period(begin: now)
        var ended: Summary?
        if now - current.begin >= period {
            ended = current.suppressed
            current = Period(begin: now)
        }
        defer { periods[place] = current }
        guard current.written >= allowance else {
            current.written += 1
            return (.written, ended)
        }
        total += 1
        guard current.suppressed == nil else {
            current.suppressed?.count += 1
            return (.suppressed, ended)
        }
        current.suppressed = Summary(
            place: place,
            level: event.level,
            message: event.message.description,
            source: event.source,
            notice: notice,
            count: 1
        )
        return (.suppressedFirst, ended)
    }

    /// What was suppressed in periods that are over. Places where nothing happens any more are forgotten.
    ///
    /// - Parameter endsAll: whether to end the other periods as well.
    mutating func due(now: ContinuousClock.Instant, endsAll: Bool) -> [Summary] {
        let over = periods.filter { endsAll || now - $0.value.begin >= period }
        for place in over.keys { periods[place] = nil }
        return over.values.compactMap(\.suppressed).sorted { ($0.place.file, $0.place.line) < ($1.place.file, $1.place.line) }
    }

    /// The place under which a line counts.
    private mutating func known(_ place: Place, now: ContinuousClock.Instant) -> Place {
        guard periods[place] == nil, periods.count >= Self.maximumPlaces else { return place }
        periods = periods.filter { now - $0.value.begin < period || $0.value.suppressed != nil }
        guard periods.count >= Self.maximumPlaces else { return place }
        return Place(file: place.file, line: place.line, tenant: nil, isTraced: place.isTraced)
    }
}
