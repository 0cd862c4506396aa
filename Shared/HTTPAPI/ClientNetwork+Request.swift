public import Basics
import HTTPTypes
public import Hummingbird
public import NIOCore

extension ClientNetwork {
    /// Returns the network of a request's client: the last address of `X-Forwarded-For`, which the nearest proxy has seen, else that of the peer.
    ///
    /// A client that reaches the process without a proxy can name any address: this serves shares, and grants nothing.
    public init?(of request: Request, peer: SocketAddress?) {
        let named = request.headers[values: .forwardedFor].last?.split(separator: ",").last.map { $0.filter { $0 != " " && $0 != "\t" } }
        guard let network = named.flatMap({ ClientNetwork($0) }) ?? peer?.ipAddress.flatMap({ ClientNetwork($0) }) else { return nil }
        self = network
    }
}

extension HTTPField.Name {
    /// `X-Forwarded-For`: the client's address, to which each proxy appends that of its peer.
    fileprivate static let forwardedFor = named("X-Forwarded-For")
}
