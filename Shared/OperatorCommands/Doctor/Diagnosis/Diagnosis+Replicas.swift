/// Findings about replicas that judge one token differently.
extension Diagnosis {
    /// Returns the fault of replicas of which some accept the token and others refuse it; nil if they agree.
    ///
    /// A lost header or query is refused every time, a replica without the token's key only when its turn comes.
    ///
    /// - Parameter repetitions: One for each way to send the token.
    func disagreement(_ repetitions: [Repetition], _ check: Finding.Check, _ path: String) -> Finding? {
        let mixed = repetitions.filter(\.isMixed)
        guard !mixed.isEmpty else { return nil }
        let accepted = mixed.map(\.accepted).reduce(0, +)
        let all = accepted + mixed.map(\.refused).reduce(0, +)
        let sentence = "some replicas accept the token and others do not: \(accepted) of \(all) equal requests were accepted"
        return .fault(check, "\(path): \(sentence)", .replicas)
    }
}
