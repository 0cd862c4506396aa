package import Basics
import HTTPTypes
package import Hummingbird
package import NIOCore

extension TrustedProxies {
    /// Returns the network of a request's client, see ``client(of:forwarded:)``.
    ///
    /// - Parameter peer: the address that the request came from.
    package func client(of request: Request, peer: SocketAddress?) -> ClientNetwork? {
        client(of: peer?.ipAddress, forwarded: request.headers[values: .forwardedFor])
    }
}

extension HTTPField.Name {
    /// `X-Forwarded-For`: the client's address, to which each proxy appends that of its peer.
    fileprivate static let forwardedFor = named("X-Forwarded-For")
}
