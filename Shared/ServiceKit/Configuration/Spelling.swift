/// Suggests corrections of misspelled names.
package enum Spelling {
    /// Returns the nearest candidate, if at most a third of the characters differ, and no more than `most`.
    package static func nearest(to word: String, among candidates: some Sequence<String>, most: Int = 4) -> String? {
        let limit = max(1, min(most, word.count / 3))
        let ranked = candidates.map { (candidate: $0, distance: distance(Array(word), Array($0))) }
        return ranked.min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }.flatMap {
            $0.distance <= limit ? $0.candidate : nil
        }
    }

    /// Number of insertions, deletions, substitutions and swaps of neighbours (optimal string alignment), up to 64 characters.
    private static func distance(_ first: [Character], _ second: [Character]) -> Int {
        let first = Array(first.prefix(64))
        let second = Array(second.prefix(64))
        var (beforeLast, previous) = ([Int](), Array(0...second.count))
        for (row, character) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                let substitution = previous[column] + (character == other ? 0 : 1)
                var least = min(substitution, previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, character == second[column - 1], other == first[row - 1] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            (beforeLast, previous) = (previous, current)
        }
        return previous[second.count]
    }
}
