import DequeModule

/// Deficit round robin (Shreedhar and Varghese, SIGCOMM 1995): members take turns, and each may spend ``quantum`` more in each of its turns. What it
/// leaves counts in its next turn, so a member whose messages are large gets no more than others. A pure value.
struct DeficitRound<Member: Hashable> {
    /// What a member may spend in a turn, in bytes.
    static var quantum: Int { 64 * 1024 }

    private var order: Deque<Member> = []
    private var deficits: [Member: Int] = [:]
    /// Whether the first member's turn has begun.
    private var isServing = false

    /// Whether it has no members.
    var isEmpty: Bool { deficits.isEmpty }

    /// Number of members.
    var count: Int { deficits.count }

    /// Adds a member behind all others, with nothing to spend; without effect on one that it has.
    mutating func add(_ member: Member) {
        guard deficits[member] == nil else { return }
        deficits[member] = 0
        order.append(member)
    }

    /// Removes a member with what it may spend.
    mutating func remove(_ member: Member) {
        guard deficits.removeValue(forKey: member) != nil, let index = order.firstIndex(of: member) else { return }
        if index == 0 { isServing = false }
        order.remove(at: index)
    }

    /// Returns the member whose turn it is; nil without members.
    ///
    /// - Parameter cost: the size of a member's next message, in bytes.
    mutating func current(_ cost: (Member) -> Int) -> Member? {
        while let member = order.first {
            let cost = cost(member)
            if !isServing {
                // At most one message ahead: a member that waited for long gets no long run.
                deficits[member] = min(deficits[member, default: 0] + Self.quantum, max(Self.quantum, cost))
                isServing = true
            }
            if cost <= deficits[member, default: 0] { return member }
            endTurn()
        }
        return nil
    }

    /// Counts a message of the member whose turn it is.
    mutating func spend(_ cost: Int) {
        guard let member = order.first else { return }
        deficits[member, default: 0] -= cost
    }

    private mutating func endTurn() {
        isServing = false
        if let member = order.popFirst() { order.append(member) }
    }
}

/// Two levels of deficit round robin: groups take turns, and within a group its members do. So a tenant with a hundred endpoints has one share, as a
/// tenant with one. A pure value.
struct FairTurns<Group: Hashable, Member: Hashable> {
    private var groups = DeficitRound<Group>()
    private var members: [Group: DeficitRound<Member>] = [:]

    /// Whether nobody waits for a turn.
    var isEmpty: Bool { groups.isEmpty }

    /// Adds a member of a group; without effect on one that it has.
    mutating func add(_ member: Member, of group: Group) {
        members[group, default: DeficitRound()].add(member)
        groups.add(group)
    }

    /// Removes a member of a group.
    mutating func remove(_ member: Member, of group: Group) {
        guard members[group] != nil else { return }
        members[group]?.remove(member)
        guard members[group]?.isEmpty == true else { return }
        members[group] = nil
        groups.remove(group)
    }

    /// Returns the member whose turn it is, and counts its next message; nil when nobody waits. The member stays until it is removed.
    ///
    /// - Parameter cost: the size of a member's next message, in bytes.
    mutating func next(_ cost: (Member) -> Int) -> Member? {
        var chosen: Member?
        var price = 0
        // Taken out, because both levels change at the same time.
        var members = members
        self.members = [:]
        defer { self.members = members }
        let group = groups.current { group in
            chosen = members[group]?.current(cost)
            price = chosen.map(cost) ?? 0
            return price
        }
        guard let group, let chosen else { return nil }
        groups.spend(price)
        members[group]?.spend(price)
        return chosen
    }
}
