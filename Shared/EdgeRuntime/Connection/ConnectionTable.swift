/// The connections of one loop, in slots that are used again. Used on the loop's thread.
///
/// Two arrays instead of one of pairs: 12 bytes a slot, not 16.
struct ConnectionTable {
    /// By slot; nil for a free one.
    private(set) var slots: ContiguousArray<EdgeConnection?> = []
    private var generations: ContiguousArray<UInt32> = []
    private var free: [UInt32] = []

    /// The connection that `handle` names; nil once it is removed.
    subscript(handle: ConnectionHandle) -> EdgeConnection? {
        let slot = Int(handle.slot)
        guard slot < self.slots.count, self.generations[slot] == handle.generation else { return nil }
        return self.slots[slot]
    }

    /// Returns the handle of a free slot, for ``insert(_:)``.
    mutating func claim() -> ConnectionHandle {
        if let slot = self.free.popLast() { return ConnectionHandle(slot: slot, generation: self.generations[Int(slot)]) }
        self.slots.append(nil)
        self.generations.append(0)
        return ConnectionHandle(slot: UInt32(self.slots.count - 1), generation: 0)
    }

    /// Puts `connection` into the slot that was claimed for it.
    mutating func insert(_ connection: EdgeConnection) { self.slots[Int(connection.handle.slot)] = connection }

    /// Removes `connection`: its handle becomes invalid.
    mutating func remove(_ connection: EdgeConnection) {
        let slot = Int(connection.handle.slot)
        self.slots[slot] = nil
        self.generations[slot] &+= 1
        self.free.append(connection.handle.slot)
    }
}
