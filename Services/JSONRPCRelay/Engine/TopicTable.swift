/// A dictionary by topic that takes little memory where it has few rows: an array, ordered by the topics' hashes.
struct TopicTable<Value: Sendable>: Sendable {
    /// The rows, in the order of their topics' hashes.
    private(set) var rows: [(topic: Topic, value: Value)] = []

    /// Whether there are no rows.
    var isEmpty: Bool { rows.isEmpty }

    /// Returns the index of a topic's row in ``rows``; nil without one.
    func index(of topic: Topic) -> Int? {
        var index = firstIndex(notBefore: topic.digest)
        while index < rows.count, rows[index].topic.digest == topic.digest {
            if rows[index].topic == topic { return index }
            index += 1
        }
        return nil
    }

    /// The value of a topic; nil without one. Setting nil removes the row.
    subscript(topic: Topic) -> Value? {
        get { index(of: topic).map { rows[$0].value } }
        set {
            switch (index(of: topic), newValue) {
            case (let index?, let value?): rows[index].value = value
            case (let index?, nil): rows.remove(at: index)
            case (nil, let value?): rows.insert((topic, value), at: firstIndex(notBefore: topic.digest))
            case (nil, nil): break
            }
        }
    }

    /// Changes each value.
    mutating func changeAll(_ change: (inout Value) -> Void) {
        for index in rows.indices { change(&rows[index].value) }
    }

    private func firstIndex(notBefore digest: Int) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].topic.digest < digest { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
