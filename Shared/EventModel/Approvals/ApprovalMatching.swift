/// Counts votes for one set of groups: each voter counts in at most one group, and as many places as possible are filled.
///
/// A maximum bipartite matching of voters to the places of the groups, by shortest augmenting paths. Deterministic: voters are placed in the
/// order of their votes, in the first group with a free place. A later voter may move an earlier one to another group, but never takes its
/// place away.
public struct ApprovalMatching: Sendable, Hashable {
    /// The voters that count in each group, by their index, in the order of the votes; parallel to the groups. At most `needed` each.
    public let assigned: [[Int]]
    /// Whether every group has as many voters as it needs. True for no groups.
    public let isComplete: Bool

    /// The most groups: the groups of a voter are bits of one word.
    private static let maximumGroups = UInt64.bitWidth

    /// Matches voters to groups. The effort for each voter is at most the places of all groups.
    ///
    /// - Parameters:
    ///   - groups: the groups of one set, at most 64 (a policy has at most ``ApprovalPolicy/maximumGroups``); their names differ.
    ///   - voters: for each vote, in order, the names of the groups that it is eligible for. Names of other sets' groups are ignored.
    public init(groups: [ApprovalGroup], voters: [Set<String>]) {
        precondition(groups.count <= Self.maximumGroups, "a set has at most \(Self.maximumGroups) groups")
        var places = Places(
            needed: groups.map(\.needed),
            eligible: voters.map { names in
                groups.indices.reduce(0) { names.contains(groups[$1].name) ? $0 | 1 << UInt64($1) : $0 }
            }
        )
        for voter in voters.indices { places.place(voter) }
        assigned = places.assigned.map { $0.sorted() }
        isComplete = zip(groups, assigned).allSatisfy { $0.needed == $1.count }
    }

    private struct Places {
        private let needed: [Int]
        /// The groups of each voter; the first group is the lowest bit.
        private let eligible: [UInt64]
        private(set) var assigned: [[Int]]
        /// The groups from which a search found no free place. No later one finds any there.
        private var exhausted: UInt64 = 0

        init(needed: [Int], eligible: [UInt64]) {
            self.needed = needed
            self.eligible = eligible
            assigned = needed.map { _ in [] }
        }

        /// Finds a place for a voter, breadth first, moving others if necessary.
        mutating func place(_ voter: Int) {
            var reached = exhausted
            var queue: [Int] = []
            /// For each group that is reached through another one: which one, and who would move.
            var moves: [Int: (from: Int, voter: Int)] = [:]
            func reach(_ groups: UInt64, _ body: (Int) -> Void) {
                var fresh = groups & ~reached
                reached |= fresh
                while fresh != 0 {
                    let group = fresh.trailingZeroBitCount
                    fresh &= fresh - 1
                    queue.append(group)
                    body(group)
                }
            }
            reach(eligible[voter]) { _ in }
            var next = 0
            while next < queue.count {
                let group = queue[next]
                next += 1
                guard assigned[group].count == needed[group] else { return fill(group, with: voter, moves) }
                for other in assigned[group] { reach(eligible[other]) { moves[$0] = (group, other) } }
            }
            exhausted = reached
        }

        /// Moves voters along the path to a group with a free place, and puts the new voter where the path begins.
        private mutating func fill(_ free: Int, with voter: Int, _ moves: [Int: (from: Int, voter: Int)]) {
            var free = free
            while let move = moves[free] {
                assigned[move.from].removeAll { $0 == move.voter }
                assigned[free].append(move.voter)
                free = move.from
            }
            assigned[free].append(voter)
        }
    }
}
