/// The connections of one loop that read the same run. Touched on the loop's thread only, which is what makes the
/// unchecked conformance hold.
final class LoopGroup: @unchecked Sendable {
    let run: PageRun
    var members: ContiguousArray<EdgeConnection> = []
    /// Where the members that miss nothing stood after the last round.
    var head: RunPosition

    init(run: PageRun) {
        self.run = run
        self.head = run.end
    }
}
