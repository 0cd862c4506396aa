/// The dispatchers that were heard lately. A pure value; the caller supplies the times.
///
/// 1. A member is alive while its last report is younger than ``silence``, and until it says that it leaves.
/// 2. This process starts nothing while its own last report is older than ``ownSilence``: it is cut off, and the others take over what it drives
///    after ``silence``. So it stops before they begin.
/// 3. It also starts nothing until it has heard its own reports for ``interval``, the time in which every live member reports once. Otherwise a
///    process that has just started, or whose bus was away, would take itself for the only member and claim what others drive.
struct MembershipTable: Sendable {
    /// The time between two reports of a member.
    static let interval = Duration.seconds(2)
    /// The time without a report after which a member counts as dead: three reports.
    static let silence = Duration.seconds(6)
    /// The time without an own report after which this process starts nothing. Two reports, and less than ``silence``.
    static let ownSilence = Duration.seconds(4)
    /// The most members. Real deployments have a handful; the bound protects against a flood of reports.
    static let maximumMembers = 256

    /// This process.
    let me: MemberID
    private let interval: Duration
    private var heard: [MemberID: ContinuousClock.Instant] = [:]
    /// Since when this process has heard its own reports without a break.
    private var listeningSince: ContinuousClock.Instant?

    /// Creates an empty table.
    ///
    /// - Parameter interval: The report interval of all members.
    init(me: MemberID, interval: Duration = Self.interval) {
        self.me = me
        self.interval = interval
    }

    /// Records a report; true if its member is new, so that this one should report at once.
    mutating func received(_ report: MemberReport, at now: ContinuousClock.Instant) -> Bool {
        forget(at: now)
        let member = MemberID(text: report.member)
        guard !report.leaving else {
            heard[member] = nil
            return false
        }
        if member == me, !hearsItself(at: now) { listeningSince = now }
        let isNew = heard[member] == nil
        // There is always room for this process.
        guard !isNew || member == me || heard.count < Self.maximumMembers else { return false }
        heard[member] = now
        return isNew && member != me
    }

    /// Returns who is alive at `now`.
    mutating func view(at now: ContinuousClock.Instant) -> MembershipView {
        forget(at: now)
        let hasListened = listeningSince.map { $0.duration(to: now) >= interval } ?? false
        return MembershipView(of: heard.keys, mayStart: hasListened && hearsItself(at: now))
    }

    private func hearsItself(at now: ContinuousClock.Instant) -> Bool {
        heard[me].map { $0.duration(to: now) < Self.ownSilence } ?? false
    }

    private mutating func forget(at now: ContinuousClock.Instant) {
        heard = heard.filter { $0.value.duration(to: now) < Self.silence }
    }
}
