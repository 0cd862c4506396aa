/// What mends a fault. The catalogue of the directives is in ``Remedy/directives``.
enum Remedy: String, Sendable, CaseIterable {
    // In the proxy.
    case authorization
    case buffering
    case compression
    case gateway
    case host
    case http2
    case idle
    case lastEventID = "last-event-id"
    case path
    case query
    case subprotocol
    case upgrade
    // Elsewhere.
    case certificate
    case clock
    case crossOrigin = "cross-origin"
    case role
    case token
    case untrusted

    /// Why it is a fault, and what to do about it: short sentences.
    var explanation: String {
        switch self {
        case .authorization:
            "Programs send their token in the header Authorization; a proxy passes it on unless it was told otherwise. Take out what removes it."
        case .buffering:
            """
            A proxy that gathers a response before it passes it on holds events back until there are enough of them. Let it pass every byte on at \
            once. The edges ask for that with X-Accel-Buffering; do not let nginx ignore it.
            """
        case .compression:
            """
            A compressor gathers what it compresses, and the edges ask that nothing be transformed (Cache-Control: no-transform). Leave streams of \
            events out of compression.
            """
        case .gateway:
            """
            The proxy reaches nobody who serves this. See that the services run (/readyz on their admin ports), and that the proxy has their right \
            addresses.
            """
        case .host:
            "WebSockets are open to pages of the same host, which the edge learns from Host. Pass it on as it came, with its port."
        case .http2:
            """
            Each tab with a stream keeps a connection of its own under HTTP/1.1, and browsers have six for an origin. Over TLS with HTTP/2, all \
            tabs share one.
            """
        case .idle:
            """
            The connection was cut while it was quiet. Be more patient than the heartbeats are apart: 30 s on the notification stream, 5 s on the \
            workspace stream, and up to 60 s at the relay. The same goes for load balancers and firewalls on the way.
            """
        case .lastEventID:
            """
            A client that comes back says in Last-Event-ID what it has seen. Without it, it gets no more than what happens from then on. Take out \
            what removes it.
            """
        case .path:
            """
            The proxy sends this path elsewhere. Give the doctor the address under which Causeway's paths begin, and route them to the services \
            (docs/proxies.md has the list).
            """
        case .query:
            "Browsers can set no header on a stream: token, workspace and last_event_id are in the query. Pass it on as it came."
        case .subprotocol:
            "Browsers that cannot have their token in the address put it into Sec-WebSocket-Protocol, and want an answer there. Pass it on both ways."
        case .upgrade:
            "A WebSocket begins as a request with Upgrade and Connection. They hold for one connection only, so a proxy has to send them on by itself."
        case .certificate:
            """
            Put a certificate in place that is valid now, and for the name in the address; and let the proxy read it again. If the certificate is \
            good, look at this machine's clock.
            """
        case .clock:
            """
            Let all machines follow a time server (timedatectl set-ntp true). Tokens are refused by services whose clock is before their iat or nbf \
            by more than 30 s, or past their exp.
            """
        case .crossOrigin:
            """
            Name the origin in CORS_ORIGINS of every service that its pages use, as a browser writes it (https://app.example.com), and \
            leave Access-Control- fields and OPTIONS requests to them: a proxy is neither to add nor to remove any.
            """
        case .role:
            "The notification stream and the relay want the role admin or member in the token's claim roles."
        case .token:
            """
            Use a token that is signed with the key the services know (AUTH_…), has exp in the future, a sub and a tenant; iss and aud as the \
            services want them. causeway token mints one where the secret is at hand.
            """
        case .untrusted:
            """
            If the certificate is one of your own, name it, or the authority that signed it, with --ca-file. Else let the proxy send the whole \
            chain, not the server's certificate alone. --insecure looks at the rest without checking; never send a token that matters that way.
            """
        }
    }
}
