import ServiceKit
import Testing

@testable import approval_api

@Suite("Who answers surveys") struct SurveyMembersTests {
    private static let start = ContinuousClock.now

    private static func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    private static func report(_ instance: String, _ topics: [SurveyTopic] = [.connections, .usage], leaving: Bool = false) -> SurveyReport
    {
        SurveyReport(instance: instance, program: "sse-edge", topics: topics, isLeaving: leaving)
    }

    @Test("a process answers the topics of its reports until it says that it leaves")
    func comesAndGoes() {
        var members = SurveyMembers()
        members.received(Self.report("B"), at: Self.at(0))
        members.received(Self.report("A", [.usage]), at: Self.at(1))
        #expect(members.answering(.usage, at: Self.at(2)).map(\.instance) == ["A", "B"])
        #expect(members.answering(.connections, at: Self.at(2)).map(\.instance) == ["B"])
        members.received(Self.report("B", leaving: true), at: Self.at(3))
        #expect(members.answering(.connections, at: Self.at(3)).isEmpty)
    }

    @Test("one that was lost is remembered for a while, and forgotten then")
    func isLost() {
        var members = SurveyMembers()
        members.received(Self.report("A"), at: Self.at(0))
        #expect(members.answering(.usage, at: Self.at(599)).map(\.heard) == [Self.at(0)])
        #expect(members.answering(.usage, at: Self.at(601)).isEmpty)
    }

    @Test("a flood of reports takes no memory, and displaces nobody")
    func flood() {
        var members = SurveyMembers()
        for number in 0..<SurveyMembers.maximumMembers + 100 { members.received(Self.report("P\(number)"), at: Self.at(0)) }
        #expect(members.answering(.usage, at: Self.at(0)).count == SurveyMembers.maximumMembers)
        members.received(Self.report("P1"), at: Self.at(9))
        #expect(members.answering(.usage, at: Self.at(9)).first { $0.instance == "P1" }?.heard == Self.at(9))
        members.received(Self.report("NEW"), at: Self.at(601))
        #expect(members.answering(.usage, at: Self.at(601)).map(\.instance) == ["NEW", "P1"])
    }
}
