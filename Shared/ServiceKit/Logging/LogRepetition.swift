import Logging

/// Limits repeated log lines per source location and tenant and period. A pure value; the caller supplies the time.
///
/// Keyed by location and not by text, which may have client input; and by tenant, so that a noisy tenant suppresses only its own lines.
struct LogRepetition {
    /// The source of a line.
    struct Place: Hashable {
        var file: String
        var line: UInt
        /// The line's tenant; nil for none.
        var tenant: String?
        /// Whether it belongs to a trace, which must stay complete among other lines.
        var isTraced = false
    }

    /// The decision on a line.
    enum Verdict: Equatable {
        case written
        /// The period's first suppressed line.
        case suppressedFirst
        case suppressed
    }

    /// What was suppressed at a location in a period.
    struct Summary {
        let place: Place
        let level: Logger.Level
        let message: String
        let source: String
        let notice: LogNotice
        var count: UInt64

        /// The line that reports it.
        var line: [UInt8] { notice.suppressed(self) }
    }

    private struct Period {
        let begin: ContinuousClock.Instant
        var written = 0
        var suppressed: Summary?
    }

    /// The limited levels: `debug` is wanted complete, and `critical` is a process's last line.
    static let levels: Set<Logger.Level> = [.info, .notice, .warning, .error]
    /// Maximum number of locations; beyond it all tenants of a location share one.
    private static let maximumPlaces = 8192

    /// Number of lines written per period.
    let allowance: Int
    let period: Duration
    private var periods: [Place: Period] = [:]
    /// When the full table was last searched for idle locations.
    private var searched: ContinuousClock.Instant?
    /// Number of suppressed lines.
    private(set) var total: UInt64 = 0

    init(allowance: Int = 50, period: Duration = .seconds(10)) {
        self.allowance = allowance
        self.period = period
    }

    /// Whether suppressed lines are not reported yet.
    var isPending: Bool { periods.values.contains { $0.suppressed != nil } }

    /// Decides on a line.
    ///
    /// - Returns: the decision, and what was suppressed in the previous period, if it has just ended.
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

    /// Returns what was suppressed in ended periods, and removes idle locations.
    ///
    /// - Parameter endsAll: whether to end all periods.
    mutating func due(now: ContinuousClock.Instant, endsAll: Bool) -> [Summary] {
        let over = periods.filter { endsAll || now - $0.value.begin >= period }
        for place in over.keys { periods[place] = nil }
        return over.values.compactMap(\.suppressed).sorted { ($0.place.file, $0.place.line) < ($1.place.file, $1.place.line) }
    }

    /// Returns the location under which a line counts.
    ///
    /// A full table is searched for idle locations at most ten times a period: with a search for each line of another tenant, a line would take a
    /// millisecond.
    private mutating func known(_ place: Place, now: ContinuousClock.Instant) -> Place {
        guard periods[place] == nil, periods.count >= Self.maximumPlaces else { return place }
        if searched.map({ now - $0 >= period / 10 }) ?? true {
            searched = now
            periods = periods.filter { now - $0.value.begin < period || $0.value.suppressed != nil }
        }
        guard periods.count >= Self.maximumPlaces else { return place }
        return Place(file: place.file, line: place.line, tenant: nil, isTraced: place.isTraced)
    }
}
