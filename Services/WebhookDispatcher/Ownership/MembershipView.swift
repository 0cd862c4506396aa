import Basics
import Webhooks

/// A process of the dispatcher: random, new for each start.
struct MemberID: Sendable, Hashable {
    /// The longest text in bytes; an id of this process's is a ULID.
    static let maximumBytes = 64

    let text: String

    /// Draws an id.
    static func generate() -> MemberID { MemberID(text: ULID.generate()) }
}

/// Which dispatchers are alive, and so which of them drives each endpoint. A pure value.
///
/// Rendezvous hashing (Thaler and Ravishankar, <https://doi.org/10.1109/90.663936>): the owner of an endpoint is the member
/// with the highest hash of member and endpoint. A member that comes or goes moves its own share and nothing else. The hash is the same in
/// every process and version.
struct MembershipView: Sendable, Equatable {
    /// A member and the hash of its id.
    private struct Candidate: Sendable, Equatable {
        let member: MemberID
        let hash: UInt64
    }

    private let candidates: [Candidate]
    /// Whether this process may start attempts and claim endpoints: it has heard its own report within the last
    /// ``MembershipTable/ownSilence``, and has listened long enough to know the others.
    let mayStart: Bool

    /// Creates a view.
    ///
    /// - Parameter members: those alive, in any order.
    init(of members: some Sequence<MemberID>, mayStart: Bool) {
        // Sorted, so that views of the same members are equal, and so that equal hashes have one winner.
        candidates = members.map { Candidate(member: $0, hash: Self.hash([$0.text])) }.sorted { $0.member.text < $1.member.text }
        self.mayStart = mayStart
    }

    /// The members, sorted by their ids.
    var members: [MemberID] { candidates.map(\.member) }

    /// Returns the member that drives an endpoint; nil when nobody is alive.
    func owner(of endpoint: EndpointID, in tenant: Tenant) -> MemberID? {
        guard candidates.count > 1 else { return candidates.first?.member }
        let place = Self.hash([tenant.text, "\(endpoint)"])
        func weight(_ candidate: Candidate) -> UInt64 { SplitMix64.mixed(candidate.hash ^ SplitMix64.mixed(place)) }
        return candidates.max { weight($0) < weight($1) }?.member
    }

    /// FNV-1a with 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>). The texts are separated by a byte that UTF-8 does not have.
    private static func hash(_ texts: [String]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for text in texts {
            for byte in text.utf8 { add(byte) }
            add(0xFF)
        }
        return hash
    }
}
