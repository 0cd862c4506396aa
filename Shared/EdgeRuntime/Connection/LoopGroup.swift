/// The connections of one loop that read the same chain. Touched on the loop's thread only, which is what makes the
/// unchecked conformance hold.
final class LoopGroup: @unchecked Sendable {
    let chain: PageChain
    var members: ContiguousArray<EdgeConnection> = []
    /// Where the members that miss nothing stood after the last round.
    var head: ChainPosition

    init(chain: PageChain) {
        self.chain = chain
        self.head = chain.end
    }
}
