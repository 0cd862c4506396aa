/// The fix of a fault. ``Remedy/directives`` has the lines for proxies.
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
    case replicas
    case role
    case token
    case untrusted

    /// Why it is a fault, and how to fix it.
    var explanation: String {
        switch self {
        case .authorization:
            "Programs send their token in the header Authorization, and a proxy forwards it by default. Take out the directive that removes it."
        case .buffering:
            """
            A proxy that buffers responses holds events back until its buffer is full. Turn buffering off for streams. The edges ask for that with \
            X-Accel-Buffering; do not let nginx ignore it.
            """
        case .compression:
            """
            A compressor buffers its input, which delays events; the edges forbid it with Cache-Control: no-transform. Exclude event streams from \
            compression.
            """
        case .gateway:
            """
            The proxy reaches no service for this path. Check that the services run (/readyz on their admin ports), and that the proxy has the right \
            addresses.
            """
        case .host:
            "The edge accepts WebSockets from pages of the same host, which it compares with Host. Forward Host unchanged, with its port."
        case .http2:
            """
            Under HTTP/1.1 each tab with a stream needs a separate connection, and browsers open at most six per origin. Over TLS with HTTP/2, all tabs \
            share one.
            """
        case .idle:
            """
            The connection was cut while idle. Set idle timeouts above the heartbeat interval: 30 s on the notification stream, 5 s on the workspace \
            stream, and up to 60 s at the relay. The same applies to load balancers and firewalls on the way.
            """
        case .lastEventID:
            """
            A client that reconnects sends its cursor in Last-Event-ID. Without the header it misses the events in between. Take out the directive that \
            removes it.
            """
        case .path:
            """
            The proxy routes this path elsewhere. Give the doctor the address below which Causeway's paths begin, and route them to the services \
            (docs/proxies.md has the list).
            """
        case .query:
            "Browsers cannot set headers on a stream: token, workspace and last_event_id are in the query. Forward the query unchanged."
        case .subprotocol:
            "Browsers that do not put their token into the address send it in Sec-WebSocket-Protocol and need a reply there. Forward it in both directions."
        case .upgrade:
            "A WebSocket begins as a request with Upgrade and Connection. Both are hop-by-hop headers, so a proxy must set them itself."
        case .certificate:
            """
            Install a certificate that is valid now and for the name in the address, and reload the proxy. If the certificate is valid, check this \
            machine's clock.
            """
        case .clock:
            """
            Synchronise the clocks of all machines (timedatectl set-ntp true). A service rejects a token when its clock is more than 30 s before iat or \
            nbf, or past exp.
            """
        case .crossOrigin:
            """
            Add the origin to CORS_ORIGINS of every service that its pages use, as a browser writes it (https://app.example.com). Let the services answer \
            OPTIONS requests and set Access-Control- headers: the proxy must neither add nor remove any.
            """
        case .replicas:
            """
            The replicas have different keys: one has not read a new key yet, or was started with other settings. Compare AUTH_… and the key files of \
            all replicas. SIGHUP makes a service read its key files again; other settings need a restart.
            """
        case .role:
            "The notification stream and the relay require the role admin or member in the claim that holds the token's roles: roles, or as AUTH_ROLE_CLAIMS says."
        case .token:
            """
            Use a token that is signed with a key of the services (AUTH_…) and has an exp in the future, a sub, a tenant, and the iss and aud that the \
            services require. causeway token mints one where the secret is available.
            """
        case .untrusted:
            """
            If the certificate is self-signed or from a private authority, pass it or the authority with --ca-file. Otherwise let the proxy send the whole \
            chain, not the server's certificate alone. --insecure skips the check; do not use it with a token that matters.
            """
        }
    }
}
