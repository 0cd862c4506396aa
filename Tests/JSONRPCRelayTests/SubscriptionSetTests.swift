import Basics
import EdgeRuntime
import EventModel
import TestKit
import Testing

@testable import jsonrpc_relay

@Suite struct SubscriptionSetTests {
    @Test func onlyWhatWasSubscribedMatches() throws {
        var set = SubscriptionSet()
        #expect(set.count == 0)
        #expect(set.insert(subscription("a", .investigation, "inc_1"), from: 10, position: 10, end: 10) == 10)
        let progress = try EventType("investigation.progress")
        #expect(set.admits(sequence: 11, incidentID: "inc_1", type: progress))
        #expect(!set.admits(sequence: 10, incidentID: "inc_1", type: progress))
        #expect(!set.admits(sequence: 11, incidentID: "inc_1", type: try EventType("remediation.proposed")))
        #expect(!set.admits(sequence: 11, incidentID: "inc_1", type: try EventType("incident.created")))
        set.remove(subscription("a", .investigation, "inc_1"), position: 11)
        #expect(set.count == 0 && !set.admits(sequence: 12, incidentID: "inc_1", type: progress))
    }

    @Test func twoSpellingsThatLookAlikeAreTwoIncidents() throws {
        var set = SubscriptionSet()
        _ = set.insert(subscription("a", .investigation, "\u{E9}"), from: 0, position: 0, end: 0)
        #expect(set.admits(sequence: 1, incidentID: "\u{E9}", type: try EventType("investigation.progress")))
        #expect(!set.admits(sequence: 1, incidentID: "e\u{301}", type: try EventType("investigation.progress")))
    }

    @Test func aReplayPassesOverWhatWasPushedBefore() {
        var set = SubscriptionSet()
        let topic = Topic(family: .investigation, incidentID: "i")
        var position = set.insert(subscription("live", topic), from: 100, position: 100, end: 100)
        position = 120
        position = set.insert(subscription("replay", topic), from: 50, position: position, end: position)
        #expect(position == 50)
        #expect((51...130).filter { set.admits(sequence: $0, topic: topic) } == Array(51...100) + Array(121...130))
    }

    @Test func aRunIsJudgedAsItsEntriesAre() {
        var set = SubscriptionSet()
        let topic = Topic(family: .investigation, incidentID: "i")
        _ = set.insert(subscription("live", topic), from: 10, position: 10, end: 10)
        _ = set.insert(subscription("replay", topic), from: 5, position: 12, end: 12)
        _ = set.insert(subscription("other", Topic(family: .remediation, incidentID: "i")), from: 0, position: 12, end: 12)
        for first in 1...15 as ClosedRange<UInt64> {
            for last in first...15 {
                let each = Set((first...last).map { set.admits(sequence: $0, topic: topic) })
                switch set.verdict(on: first...last, of: topic) {
                case .all: #expect(each == [true])
                case .none: #expect(each == [false])
                case .each: #expect(each.contains(false) && first < last)
                }
            }
        }
    }

    @Test func aReplayOfOneTopicDoesNotRepeatAnother() {
        var set = SubscriptionSet()
        let one = Topic(family: .investigation, incidentID: "1")
        let two = Topic(family: .remediation, incidentID: "1")
        _ = set.insert(subscription("one", one), from: 100, position: 100, end: 100)
        #expect(set.insert(subscription("two", two), from: 50, position: 120, end: 120) == 50)
        #expect((51...125).filter { set.admits(sequence: $0, topic: one) } == Array(121...125))
        #expect((51...125).filter { set.admits(sequence: $0, topic: two) } == Array(51...125))
    }

    @Test func endingTheSubscriptionThatPushedDoesNotRepeatItForTheOther() {
        var set = SubscriptionSet()
        let topic = Topic(family: .investigation, incidentID: "i")
        let live = subscription("live", topic)
        _ = set.insert(live, from: 100, position: 100, end: 100)
        #expect(set.insert(subscription("replay", topic), from: 50, position: 120, end: 120) == 50)
        set.remove(live, position: 60)
        #expect((61...130).filter { set.admits(sequence: $0, topic: topic) } == Array(61...100) + Array(121...130))
    }

    @Test func aNewLogBeginsAnew() {
        var set = SubscriptionSet()
        let topic = Topic(family: .investigation, incidentID: "i")
        _ = set.insert(subscription("a", topic), from: 1000, position: 1000, end: 1000)
        _ = set.insert(subscription("b", topic), from: 10, position: 2000, end: 2000)
        set.restart(at: 3)
        #expect((1...20).filter { set.admits(sequence: $0, topic: topic) } == Array(4...20))
    }

    /// Behind its position, a connection owes entries to the subscription that began first; the client had one all the time.
    @Test(arguments: [140, 150] as [UInt64])
    func endingTheFirstOfTwoSubscriptionsLosesNothingThatWasOwed(from: UInt64) {
        var set = SubscriptionSet()
        let topic = Topic(family: .investigation, incidentID: "i")
        let first = subscription("first", topic)
        _ = set.insert(first, from: 100, position: 100, end: 100)
        // The connection has read up to 120 of 150.
        _ = set.insert(subscription("second", topic), from: from, position: 120, end: 150)
        set.remove(first, position: 120)
        #expect((101...160).filter { set.admits(sequence: $0, topic: topic) } == Array(121...160))
        // So does the third what the first was owed.
        _ = set.insert(subscription("third", topic), from: 150, position: 130, end: 150)
        set.remove(subscription("second", topic), position: 130)
        #expect((101...160).filter { set.admits(sequence: $0, topic: topic) } == Array(131...160))
    }

    /// Comparison with a model that records every push.
    @Test func everyEntryOnceAndInOrder() {
        for seed in 0..<1000 as Range<UInt64> {
            var generator = SplitMix64(seed: seed)
            var connection = Connection()
            for _ in 0..<200 where connection.fault == nil { connection.step(using: &generator) }
            while connection.position < connection.log.count { connection.advance() }
            #expect(connection.fault == nil, "seed \(seed)")
            #expect(connection.unsatisfied == [], "seed \(seed): an entry that a subscription wanted was never pushed")
            #expect(connection.lost == [], "seed \(seed): an entry stored while its topic had a subscription was never pushed")
        }
    }
}

private func subscription(_ name: String, _ family: EventFamily, _ incidentID: IncidentID) -> Subscription {
    subscription(name, Topic(family: family, incidentID: incidentID))
}

/// A subscription whose id is made of a name of up to eight characters.
private func subscription(_ name: String, _ topic: Topic) -> Subscription {
    let number = name.utf8.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    var ulid: [UInt8] = []
    CrockfordBase32.append(number, to: &ulid)
    guard let id = SubscriptionID(ulid: ulid) else { preconditionFailure("26 characters are an id") }
    return Subscription(id: id, topic: topic)
}

extension SubscriptionSet {
    fileprivate mutating func remove(_ subscription: Subscription, position: UInt64) {
        remove([subscription.id], of: subscription.topic, position: position)
    }

    fileprivate func admits(sequence: UInt64, topic: Topic) -> Bool { verdict(on: sequence...sequence, of: topic) == .all }

    fileprivate func admits(sequence: UInt64, incidentID: IncidentID, type: EventType) -> Bool {
        guard let family = EventFamily(pushing: type) else { return false }
        return admits(sequence: sequence, topic: Topic(family: family, incidentID: incidentID))
    }
}

/// A connection on a log of random entries, with a brute-force model of its pushes.
private struct Connection {
    private static let topics = ["1", "2"].flatMap { incident in
        EventFamily.allCases.map { Topic(family: $0, incidentID: IncidentID(generated: incident)) }
    }

    private(set) var fault: String?
    /// The topic of each entry; the first has the sequence 1.
    private(set) var log: [Topic] = []
    private(set) var position = 0
    private var set = SubscriptionSet()
    private var live: [(subscription: Subscription, from: Int)] = []
    /// The pushes for a topic since it last had no subscription.
    private var pushed: [Topic: Set<Int>] = [:]
    /// The entries that were stored for a topic since it last had no subscription.
    private var owed: [Topic: Set<Int>] = [:]
    private var number = 0

    /// The sequences that were stored during a subscription and that were not pushed.
    var lost: [Int] { owed.flatMap { topic, sequences in sequences.subtracting(pushed[topic] ?? []) } }

    /// The sequences that a subscription wants and that were not pushed during it.
    var unsatisfied: [Int] {
        live.flatMap { wish in
            log.indices.map { $0 + 1 }.filter {
                $0 > wish.from && log[$0 - 1] == wish.subscription.topic && pushed[log[$0 - 1]]?.contains($0) != true
            }
        }
    }

    mutating func step(using generator: inout some RandomNumberGenerator) {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0..<3: for _ in 0..<Int.random(in: 1...5, using: &generator) { store(Self.topics[Int.random(in: 0..<4, using: &generator)]) }
        case 3..<10: for _ in 0..<Int.random(in: 1...6, using: &generator) where position < log.count { advance() }
        case 10: subscribe(using: &generator)
        default: unsubscribe(using: &generator)
        }
    }

    private mutating func store(_ topic: Topic) {
        log.append(topic)
        if live.contains(where: { $0.subscription.topic == topic }) { owed[topic, default: []].insert(log.count) }
    }

    mutating func advance() {
        let sequence = position + 1
        let topic = log[position]
        let isWanted = owed[topic]?.contains(sequence) == true || live.contains { $0.subscription.topic == topic && $0.from < sequence }
        let isToBePushed = isWanted && pushed[topic]?.contains(sequence) != true
        if set.admits(sequence: UInt64(sequence), topic: topic) != isToBePushed {
            fault = "\(sequence) should \(isToBePushed ? "" : "not ")have been pushed"
        }
        if isToBePushed { pushed[topic, default: []].insert(sequence) }
        position = sequence
    }

    /// Subscribes after the log's end, as a live subscription does even if the connection lags, or after an older entry.
    private mutating func subscribe(using generator: inout some RandomNumberGenerator) {
        number += 1
        let from = Bool.random(using: &generator) ? log.count : Int.random(in: 0...log.count, using: &generator)
        let subscription = subscription("\(number)", Self.topics[Int.random(in: 0..<4, using: &generator)])
        let next = set.insert(subscription, from: UInt64(from), position: UInt64(position), end: UInt64(log.count))
        if next != min(from, position) { fault = "position \(next) after subscribing from \(from) at \(position)" }
        position = Int(next)
        live.append((subscription, from))
    }

    private mutating func unsubscribe(using generator: inout some RandomNumberGenerator) {
        guard let index = live.indices.randomElement(using: &generator) else { return }
        let ended = live.remove(at: index).subscription
        set.remove(ended, position: UInt64(position))
        if !live.contains(where: { $0.subscription.topic == ended.topic }) {
            pushed[ended.topic] = nil
            owed[ended.topic] = nil
        }
    }
}
