/// Lines of a proxy's configuration, with the block that they belong in.
struct Directive: Sendable, Equatable, Encodable {
    let context: String
    let lines: String

    init(_ context: String, _ lines: String) {
        self.context = context
        self.lines = lines
    }
}

/// A fix in the configuration languages of three proxies: nginx 1.22, Caddy 2.6 and HAProxy 2.6 (Debian 12), and later.
struct Directives: Sendable, Equatable, Encodable {
    var nginx: [Directive]
    var caddy: [Directive]
    var haproxy: [Directive]
}

extension Remedy {
    /// The directives for the proxy's configuration; nil where the fault is elsewhere.
    var directives: Directives? {
        switch self {
        case .authorization: .passing("Authorization", variable: "$http_authorization")
        case .lastEventID: .passing("Last-Event-ID", variable: "$http_last_event_id")
        case .subprotocol: .passing("Sec-WebSocket-Protocol", variable: "$http_sec_websocket_protocol")
        case .host: .passing("Host", variable: "$http_host")
        case .buffering: .buffering
        case .compression: .compression
        case .gateway: .gateway
        case .http2: .http2
        case .idle: .idle
        case .path: .path
        case .query: .query
        case .upgrade: .upgrade
        case .certificate, .clock, .crossOrigin, .replicas, .role, .token, .untrusted: nil
        }
    }
}

extension Directives {
    private static let beside = "# repeat the existing ones here: a level with any proxy_set_header inherits none"

    /// Returns directives that forward a field. All three forward fields by default; nginx drops one that is set to an empty value.
    fileprivate static func passing(_ field: String, variable: String) -> Directives {
        Directives(
            nginx: [Directive("location", "\(beside)\nproxy_set_header \(field) \(variable);")],
            caddy: [
                Directive("reverse_proxy", "# take out: header_up -\(field)"), Directive("site", "# take out: request_header -\(field)"),
            ],
            haproxy: [
                Directive("frontend", "# take out: http-request del-header \(field)"),
                Directive("backend", "# take out: http-request set-header \(field) …"),
            ]
        )
    }

    fileprivate static let buffering = Directives(
        nginx: [
            Directive("location", "proxy_buffering off;\n# take out: proxy_ignore_headers X-Accel-Buffering;")
        ],
        caddy: [Directive("reverse_proxy", "flush_interval -1")],
        haproxy: [Directive("backend", "option http-no-delay\n# take out: http-response wait-for-body …")]
    )

    fileprivate static let compression = Directives(
        nginx: [Directive("location", "gzip off;")],
        caddy: [
            Directive(
                "site",
                "@compressible not path /v1/notifications/stream /api/streaming/*\nencode @compressible gzip"
            )
        ],
        haproxy: [
            Directive("backend", "compression algo gzip\ncompression type text/html text/css application/javascript application/json")
        ]
    )

    fileprivate static let gateway = Directives(
        nginx: [
            Directive("http", "upstream sse-edge {\n    server 127.0.0.1:8081 max_fails=0;\n}"),
            Directive("location", "proxy_pass http://sse-edge;\nproxy_connect_timeout 1s;"),
        ],
        caddy: [Directive("site", "reverse_proxy /v1/notifications/stream 127.0.0.1:8081")],
        haproxy: [Directive("backend", "option httpchk GET /readyz\nserver one 127.0.0.1:8081 check port 9081")]
    )

    fileprivate static let http2 = Directives(
        nginx: [Directive("server", "# from nginx 1.25.1 on: listen 443 ssl; and http2 on;\nlisten 443 ssl http2;")],
        caddy: [Directive("global", "servers {\n    protocols h1 h2 h3\n}")],
        haproxy: [Directive("frontend", "bind :443 ssl crt /etc/haproxy/certificate.pem alpn h2,http/1.1")]
    )

    fileprivate static let idle = Directives(
        nginx: [Directive("location", "proxy_read_timeout 5m;\nproxy_send_timeout 5m;\nsend_timeout 10m;")],
        caddy: [Directive("reverse_proxy", "transport http {\n    read_timeout 5m\n    write_timeout 5m\n}")],
        haproxy: [Directive("defaults", "timeout client 5m\ntimeout server 5m\ntimeout tunnel 5m")]
    )

    fileprivate static let path = Directives(
        nginx: [Directive("server", "location = /v1/notifications/stream {\n    proxy_pass http://127.0.0.1:8081;\n}")],
        caddy: [Directive("site", "handle /v1/notifications/stream {\n    reverse_proxy 127.0.0.1:8081\n}")],
        haproxy: [Directive("frontend", "use_backend sse-edges if { path /v1/notifications/stream }")]
    )

    fileprivate static let query = Directives(
        nginx: [
            Directive(
                "location",
                "# no path after the address; if it contains variables, end it with $is_args$args\nproxy_pass http://127.0.0.1:8081;"
            )
        ],
        caddy: [Directive("site", "# take out: rewrite and uri directives that drop it; or end their target with ?{query}")],
        haproxy: [Directive("backend", "# take out: http-request set-query …, set-uri …; set-path leaves the query alone")]
    )

    fileprivate static let upgrade = Directives(
        nginx: [
            Directive("http", "map $http_upgrade $connection_header {\n    default close;\n    ~*^websocket$ upgrade;\n}"),
            Directive(
                "location",
                "\(beside)\nproxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection $connection_header;"
            ),
        ],
        caddy: [Directive("reverse_proxy", "# does so by default; take out: header_up Connection …, header_up Upgrade …, versions h2c")],
        haproxy: [Directive("backend", "# does so by default; take out: http-request del-header Upgrade, del-header Connection")]
    )
}
