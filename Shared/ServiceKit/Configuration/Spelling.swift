/// Suggests corrections of misspelled names.
enum Spelling {
    /// Returns the nearest candidate, if at most a third of the characters differ.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(1, min(4, word.count / 3))
        let ranked = candidates.map { (candidate: $0, distance: distance(Array(word), Array($0))) }
        return ranked.min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }.flatMap {
            $0.distance <= limit ? $0.candidate : nil
        }
    }

    /// Levenshtein distance, up to 64 characters.
    private static func distance(_ first: [Character], _ second: [Character]) -> Int {
        let first = first.prefix(64)
        let second = Array(second.prefix(64))
        var previous = Array(0...second.count)
        for (row, character) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                let substitution = previous[column] + (character == other ? 0 : 1)
                current.append(min(substitution, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[second.count]
    }
}
