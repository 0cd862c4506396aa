import ServiceKit

/// The processes that answer surveys, as their reports say. A pure value; the caller supplies the times.
struct SurveyMembers: Sendable {
    /// A process.
    struct Member: Sendable, Hashable {
        var instance: String
        var program: String
        var topics: [SurveyTopic]
        var heard: ContinuousClock.Instant
    }

    /// The time without a report after which a process is not waited for: more than two reports.
    static let silence: Duration = SurveyReport.interval * 2.5
    /// How long a process that was lost without a last report is named as one that did not answer.
    static let memory: Duration = .seconds(600)
    /// The most processes in the table. Real deployments have a handful; the bound protects against a flood of reports.
    static let maximumMembers = 1024

    private var members: [String: Member] = [:]

    /// Records a report.
    mutating func received(_ report: SurveyReport, at now: ContinuousClock.Instant) {
        members = members.filter { $0.value.heard.duration(to: now) < Self.memory }
        guard !report.isLeaving else {
            members[report.instance] = nil
            return
        }
        guard members[report.instance] != nil || members.count < Self.maximumMembers else { return }
        members[report.instance] = Member(instance: report.instance, program: report.program, topics: report.topics, heard: now)
    }

    /// Returns the processes that answer a topic, by their ids: those that were heard lately, and those that have fallen silent.
    func answering(_ topic: SurveyTopic, at now: ContinuousClock.Instant) -> [Member] {
        members.values.filter { $0.topics.contains(topic) && $0.heard.duration(to: now) < Self.memory }
            .sorted { $0.instance.utf8.lexicographicallyPrecedes($1.instance.utf8) }
    }
}
