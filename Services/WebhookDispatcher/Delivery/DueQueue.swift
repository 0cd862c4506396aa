/// Members that become due, each at one time: a binary heap, so that one timer serves all of them. A pure value.
struct DueQueue<Member: Hashable, Time: Comparable> {
    private struct Entry {
        var time: Time
        var member: Member
    }

    private var heap: [Entry] = []
    /// The time of each member. An entry of the heap with another time is obsolete.
    private var times: [Member: Time] = [:]

    /// Number of members.
    var count: Int { times.count }

    /// The time at which the first member becomes due, or an earlier one; nil without members.
    var next: Time? { heap.first?.time }

    /// Sets a member's only time.
    mutating func set(_ member: Member, at time: Time) {
        guard times[member] != time else { return }
        times[member] = time
        // Obsolete entries are at most as many as members.
        if heap.count > 2 * times.count + 16 { rebuild() }
        heap.append(Entry(time: time, member: member))
        rise(heap.count - 1)
    }

    /// Removes a member.
    mutating func remove(_ member: Member) { times[member] = nil }

    /// Removes and returns the next member that is due; nil when none is.
    mutating func popDue(at now: Time) -> Member? {
        while let first = heap.first {
            let isObsolete = times[first.member] != first.time
            guard isObsolete || first.time <= now else { return nil }
            removeFirst()
            guard !isObsolete else { continue }
            times[first.member] = nil
            return first.member
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        sink(0)
    }

    private mutating func rise(_ place: Int) {
        var place = place
        while place > 0, heap[place].time < heap[(place - 1) / 2].time {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ place: Int) {
        var place = place
        while true {
            let (left, right) = (2 * place + 1, 2 * place + 2)
            var least = place
            if left < heap.count, heap[left].time < heap[least].time { least = left }
            if right < heap.count, heap[right].time < heap[least].time { least = right }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }

    private mutating func rebuild() {
        heap = times.map { Entry(time: $0.value, member: $0.key) }
        for place in stride(from: heap.count / 2, through: 0, by: -1) { sink(place) }
    }
}
