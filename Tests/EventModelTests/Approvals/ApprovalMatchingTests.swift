import Basics
import EventModel
import TestKit
import Testing

@Suite struct ApprovalMatchingTests {
    private func groups(_ needed: [(String, Int)]) -> [ApprovalGroup] {
        needed.map { ApprovalGroup(name: $0.0, roles: ["r"], needed: $0.1) }
    }

    @Test func aVoterCountsInOneGroup() {
        let matching = ApprovalMatching(groups: groups([("a", 1), ("b", 1)]), voters: [["a", "b"]])
        #expect(matching.assigned == [[0], []])
        #expect(!matching.isComplete)
    }

    @Test func aLaterVoterMovesAnEarlierOne() {
        let matching = ApprovalMatching(groups: groups([("a", 1), ("b", 1)]), voters: [["a", "b"], ["a"]])
        #expect(matching.assigned == [[1], [0]])
        #expect(matching.isComplete)
    }

    @Test func moveAlongSeveralGroups() {
        let set = groups([("a", 1), ("b", 1), ("c", 1)])
        let matching = ApprovalMatching(groups: set, voters: [["a", "b"], ["b", "c"], ["a"]])
        #expect(matching.assigned == [[2], [0], [1]])
        #expect(matching.isComplete)
    }

    @Test func whoIsTooManyCountsNowhere() {
        let matching = ApprovalMatching(groups: groups([("a", 2)]), voters: [["a"], ["b"], [], ["a"], ["a"]])
        #expect(matching.assigned == [[0, 3]])
        #expect(matching.isComplete)
    }

    @Test func noGroupsAreComplete() {
        let matching = ApprovalMatching(groups: [], voters: [["a"]])
        #expect(matching.assigned.isEmpty)
        #expect(matching.isComplete)
    }

    /// Tries every assignment of small random cases.
    @Test func fillsAsManyPlacesAsAnyAssignment() throws {
        var generator = SplitMix64(seed: 12)
        for number in 0..<3000 {
            let set = (0..<generator.below(4) + 1).map { ApprovalGroup(name: "g\($0)", roles: ["r"], needed: generator.below(3) + 1) }
            let voters = (0..<generator.below(7)).map { _ in
                Set(set.map(\.name).filter { _ in generator.below(2) == 0 })
            }
            let matching = ApprovalMatching(groups: set, voters: voters)
            let context = "case \(number): \(set.map(\.needed)), \(voters.map { $0.sorted() }) gave \(matching.assigned)"
            try #require(matching.assigned.count == set.count)
            for (group, assigned) in zip(set, matching.assigned) {
                try #require(assigned.count <= group.needed && assigned == assigned.sorted(), "\(context)")
                try #require(assigned.allSatisfy { voters[$0].contains(group.name) }, "\(context)")
            }
            let counted = matching.assigned.joined()
            try #require(Set(counted).count == counted.count, "\(context)")
            try #require(counted.count == mostPlaces(set.map { ($0.name, $0.needed) }, voters[...]), "\(context)")
            try #require(matching.isComplete == (counted.count == set.reduce(0) { $0 + $1.needed }), "\(context)")
            try #require(matching == ApprovalMatching(groups: set, voters: voters))
            // Who counts already goes on to count when others vote.
            let before = ApprovalMatching(groups: set, voters: voters.dropLast()).assigned.joined()
            try #require(Set(before).isSubset(of: counted), "\(context)")
        }
    }

    /// The most voters that can count, by trying each in every group and in none.
    private func mostPlaces(_ places: [(name: String, free: Int)], _ voters: ArraySlice<Set<String>>) -> Int {
        guard let voter = voters.first else { return 0 }
        var most = mostPlaces(places, voters.dropFirst())
        for index in places.indices where places[index].free > 0 && voter.contains(places[index].name) {
            var left = places
            left[index].free -= 1
            most = max(most, 1 + mostPlaces(left, voters.dropFirst()))
        }
        return most
    }
}
