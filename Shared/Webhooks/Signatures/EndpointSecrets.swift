public import Basics

/// The secrets that sign an endpoint's deliveries: the newest, and each former one for 24 h after it was replaced, so that a receiver can
/// change over without refusing a delivery (contract §14).
public struct EndpointSecrets: Sendable, Hashable {
    /// A replaced secret.
    public struct Former: Sendable, Hashable {
        /// The secret.
        public var secret: SigningSecret
        /// Until when it signs.
        public var until: Timestamp
    }

    /// How long a replaced secret goes on signing.
    public static let overlap: Duration = .seconds(86_400)
    /// Maximum number of former secrets; beyond it the oldest stops signing.
    public static let maximumFormer = 3

    /// The newest secret.
    public private(set) var current: SigningSecret
    /// The replaced ones, newest first; expired ones until the next rotation.
    public private(set) var former: [Former]

    /// Creates secrets.
    ///
    /// - Parameter former: newest first; those beyond ``maximumFormer`` are dropped.
    public init(_ current: SigningSecret, former: [Former] = []) {
        self.current = current
        self.former = Array(former.prefix(Self.maximumFormer))
    }

    /// Replaces the current secret, which goes on signing for ``overlap``.
    public mutating func rotate(to secret: SigningSecret, at now: Timestamp) {
        let replaced = Former(secret: current, until: now.advanced(by: Self.overlap))
        former = Array(([replaced] + former.filter { now < $0.until }).prefix(Self.maximumFormer))
        current = secret
    }

    /// Returns the secrets that sign at `now`, the newest first.
    func signing(at now: Timestamp) -> [SigningSecret] { [current] + former.filter { now < $0.until }.map(\.secret) }
}
