/// The connections of one loop that read the same chain. Used on the loop's thread only, which justifies the
/// unchecked conformance.
final class LoopGroup: @unchecked Sendable {
    let chain: PageChain
    /// In no order. Each member knows its index (``EdgeConnection/memberIndex``), so that it is removed in constant time.
    private(set) var members: ContiguousArray<EdgeConnection> = []
    /// The position after the last round of the members that are up to date.
    var head: ChainPosition

    init(chain: PageChain) {
        self.chain = chain
        self.head = chain.end
    }

    /// Adds `connection`, which must be a member of no group.
    func insert(_ connection: EdgeConnection) {
        let index = self.members.count
        self.members.append(connection)
        connection.assumeIsolated { $0.memberIndex = MemberIndex(index) }
    }

    /// Removes `connection`, if it is a member.
    func remove(_ connection: EdgeConnection) {
        let index = connection.assumeIsolated { connection in
            defer { connection.memberIndex = .none }
            return connection.memberIndex.value
        }
        guard let index else { return }
        precondition(self.members[index] === connection, "a member leaves the group that it is in")
        guard let moved = self.members.swapRemove(at: index) else { return }
        moved.assumeIsolated { $0.memberIndex = MemberIndex(index) }
    }
}

/// The index of a connection in its ``LoopGroup``, or nil, in four bytes.
struct MemberIndex: Sendable, Hashable {
    private let raw: UInt32

    static let none = MemberIndex(raw: .max)

    private init(raw: UInt32) { self.raw = raw }

    init(_ index: Int) { self.raw = UInt32(index) }

    /// The index; nil for none.
    var value: Int? { self == .none ? nil : Int(self.raw) }
}

extension ContiguousArray {
    /// Removes the element at `index` and puts the last one there, in constant time.
    /// - Returns: The element whose index changed, to `index`; nil when the last one was removed.
    mutating func swapRemove(at index: Int) -> Element? {
        let last = self.removeLast()
        guard index < self.count else { return nil }
        self[index] = last
        return last
    }
}
