// swift-tools-version: 6.2
import PackageDescription

/// The same language rules for every target of the project.
let swiftSettings: [SwiftSetting] = [
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting: Target.Dependency = .product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")

/// A library below `Shared/`.
func shared(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Shared/\(name)", swiftSettings: swiftSettings)
}

/// A process below `Services/`.
func service(_ product: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: product, dependencies: dependencies, path: "Services/\(folder)", swiftSettings: swiftSettings)
}

/// The tests of one library.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", swiftSettings: swiftSettings)
}

/// A program of the documentation's. It is built with all the rest, with the settings of any reader's package, so that it stays true.
func example(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "docs/examples/\(name)")
}

let package = Package(
    name: "causeway",
    products: [
        .executable(name: "sse-edge", targets: ["sse-edge"]),
        .executable(name: "websocket-edge", targets: ["websocket-edge"]),
        .executable(name: "jsonrpc-relay", targets: ["jsonrpc-relay"]),
        .executable(name: "approval-api", targets: ["approval-api"]),
        .executable(name: "webhook-dispatcher", targets: ["webhook-dispatcher"]),
        .executable(name: "event-producer", targets: ["event-producer"]),
        .executable(name: "causeway", targets: ["causeway"]),
        .library(name: "CausewayProducer", targets: ["CausewayProducer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: ["YAML", "JSON"]),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // What the system gives.
        .systemLibrary(name: "CEpoll", path: "Shared/CEpoll"),
        .systemLibrary(name: "CMalloc", path: "Shared/CMalloc"),
        .systemLibrary(name: "CZlib", path: "Shared/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CNATS", path: "Shared/CNATS", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),

        // Libraries, lowest first: an import never points down this list.
        shared("Basics", []),
        shared("NATSClient", ["Basics", "CEpoll", "CNATS", logging]),
        shared("EventModel", ["Basics", crypto, tracing]),
        shared("EventLog", ["Basics", "NATSClient", "EventModel", logging, collections, crypto]),
        shared(
            "AccessControl",
            [
                "Basics", crypto, cryptoExtras,
                .product(name: "X509", package: "swift-certificates"), .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                nioCore,
                logging,
            ]
        ),
        shared("HTTPAPI", ["Basics", "AccessControl", "EventModel", hummingbird, httpTypes, nioCore, logging, tracing]),
        shared(
            "HTTPFront",
            [
                "Basics", "HTTPAPI", hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1,
                lifecycle, logging,
            ]
        ),
        shared(
            "EdgeRuntime",
            [
                "Basics", "CEpoll", "CZlib", "EventModel", "EventLog", "AccessControl", "HTTPFront", httpTypes, nioCore, nioPosix,
                collections, crypto, logging, tracing,
            ]
        ),
        shared("Webhooks", ["Basics", "NATSClient", "EventModel", "EventLog", crypto, nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL]),
        shared("CausewayProducer", ["Basics", "EventModel", "EventLog", "NATSClient", logging]),
        shared(
            "ServiceKit",
            [
                "Basics", "CMalloc", "NATSClient", "EventModel", "EventLog", "AccessControl", "HTTPAPI", "HTTPFront", hummingbird,
                hummingbirdCore, httpTypes,
                nioCore, nioHTTP1, lifecycle, unixSignals, logging, metrics, tracing, argumentParser,
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]
        ),
        shared(
            "EdgeService",
            [
                "Basics", "NATSClient", "EventModel", "EventLog", "AccessControl", "HTTPAPI", "HTTPFront", "EdgeRuntime", "ServiceKit",
                hummingbird, httpTypes, nioCore, lifecycle, logging,
            ]
        ),
        shared(
            "OperatorCommands",
            [
                "Basics", "NATSClient", "EventModel", "EventLog", "AccessControl", "HTTPAPI", "Webhooks", "CausewayProducer", "ServiceKit",
                argumentParser, httpTypes, logging, nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, crypto,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]
        ),

        // Processes.
        service(
            "sse-edge",
            folder: "SSEEdge",
            [
                "Basics", "AccessControl", "EventModel", "EventLog", "HTTPAPI", "HTTPFront", "EdgeRuntime", "ServiceKit", "EdgeService",
                argumentParser, hummingbird, httpTypes, logging,
            ]
        ),
        service(
            "websocket-edge",
            folder: "WebSocketEdge",
            [
                "Basics", "AccessControl", "EventModel", "EventLog", "HTTPAPI", "EdgeRuntime", "ServiceKit", "EdgeService",
                argumentParser, hummingbird, httpTypes, logging,
            ]
        ),
        service(
            "jsonrpc-relay",
            folder: "JSONRPCRelay",
            [
                "Basics", "AccessControl", "EventModel", "EventLog", "HTTPAPI", "EdgeRuntime", "NATSClient", "ServiceKit", "EdgeService",
                argumentParser, hummingbird, httpTypes, lifecycle, logging,
            ]
        ),
        .executableTarget(
            name: "approval-api",
            dependencies: [
                "Basics", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "NATSClient", "ServiceKit", grdb, collections,
                .product(name: "Yams", package: "Yams"), argumentParser, hummingbird, httpTypes, lifecycle, logging, metrics, tracing,
                nioCore,
                crypto,
            ],
            path: "Services/ApprovalAPI",
            resources: [.embedInCode("OpenAPI/openapi.yaml")],
            swiftSettings: swiftSettings
        ),
        service(
            "event-producer",
            folder: "EventProducer",
            [
                "Basics", "CausewayProducer", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "HTTPFront", "NATSClient",
                "OperatorCommands", "ServiceKit", argumentParser, hummingbird, httpTypes, lifecycle, logging,
                metrics, tracing, nioCore, unixSignals, system,
                .product(name: "Subprocess", package: "swift-subprocess"),
            ]
        ),
        service(
            "webhook-dispatcher",
            folder: "WebhookDispatcher",
            [
                "Basics", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "NATSClient", "ServiceKit", "Webhooks", argumentParser,
                hummingbird, httpTypes, lifecycle, logging, metrics, tracing, collections, nioCore,
            ]
        ),
        service("causeway", folder: "Causeway", ["OperatorCommands", "ServiceKit", argumentParser]),

        // What docs/ shows.
        example("publish-example", ["CausewayProducer"]),
        example("follow-example", [.product(name: "AsyncHTTPClient", package: "async-http-client"), nioCore]),
        example("websocket-example", [nioCore, nioHTTP1, nioPosix, .product(name: "NIOWebSocket", package: "swift-nio")]),

        // What the benchmarks measure the intake beside: here, so that both have the same libraries, built alike.
        .executableTarget(
            name: "hummingbird-yardstick",
            dependencies: [hummingbird, httpTypes, nioCore, logging],
            path: "Benchmarks/Yardstick",
            swiftSettings: swiftSettings
        ),

        // Tests.
        .target(name: "TestKit", dependencies: ["Basics"], path: "Tests/TestKit", swiftSettings: swiftSettings),
        .target(
            name: "EdgeTestKit",
            dependencies: [
                "Basics", "AccessControl", "CausewayProducer", "EdgeRuntime", "EventLog", "EventModel", "HTTPAPI", "NATSClient", "TestKit",
                hummingbird, lifecycle, logging,
            ],
            path: "Tests/EdgeTestKit",
            swiftSettings: swiftSettings
        ),
        tests("Basics", ["Basics", "TestKit"]),
        tests("NATSClient", ["NATSClient", "TestKit", logging]),
        tests("EventModel", ["Basics", "EventModel", "TestKit"]),
        tests("EventLog", ["Basics", "EventLog", "EventModel", "NATSClient", "TestKit", logging]),
        tests(
            "Webhooks",
            [
                "Basics", "Webhooks", "EventLog", "EventModel", "NATSClient", "TestKit", crypto, nioCore, nioEmbedded, nioHTTP1, nioPosix,
                nioSSL,
                logging,
            ]
        ),
        tests("CausewayProducer", ["Basics", "CausewayProducer", "EventLog", "EventModel", "NATSClient", "TestKit", logging]),
        tests(
            "AccessControl",
            ["Basics", "AccessControl", "TestKit", crypto, cryptoExtras, nioCore, nioPosix, nioHTTP1, logging]
        ),
        tests("HTTPAPI", ["Basics", "HTTPAPI", "AccessControl", "TestKit", hummingbird, hummingbirdTesting, httpTypes, logging]),
        tests(
            "EdgeRuntime",
            [
                "Basics", "AccessControl", "EdgeRuntime", "CEpoll", "CMalloc", "EventModel", "EventLog", "HTTPFront", "TestKit", httpTypes,
                logging,
            ]
        ),
        tests(
            "ApprovalAPI",
            [
                "Basics", "approval-api", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "NATSClient", "ServiceKit", "TestKit",
                grdb,
                hummingbird, hummingbirdTesting, httpTypes, logging, nioCore,
            ]
        ),
        tests(
            "SSEEdge",
            [
                "Basics", "sse-edge", "AccessControl", "CausewayProducer", "EdgeRuntime", "EdgeService", "EventLog", "EventModel",
                "HTTPAPI", "ServiceKit", "EdgeTestKit", "TestKit",
            ]
        ),
        tests(
            "WebSocketEdge",
            [
                "Basics", "websocket-edge", "AccessControl", "EdgeRuntime", "EdgeService", "EventLog", "EventModel", "HTTPAPI",
                "ServiceKit",
                "EdgeTestKit", "TestKit",
            ]
        ),
        tests(
            "JSONRPCRelay",
            ["Basics", "jsonrpc-relay", "AccessControl", "EdgeRuntime", "EventModel", "NATSClient", "TestKit", logging]
        ),
        tests(
            "HTTPFront",
            [
                "Basics", "HTTPFront", "TestKit", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, nioHTTPTypes,
                nioHTTPTypesHTTP1,
                logging, nioEmbedded, nioPosix,
            ]
        ),
        tests(
            "ServiceKit",
            [
                "Basics", "ServiceKit", "NATSClient", "EventLog", "EventModel", "AccessControl", "HTTPAPI", "TestKit", hummingbird,
                httpTypes,
                logging, metrics, tracing, lifecycle, argumentParser, nioCore,
            ]
        ),
        tests("EdgeService", ["Basics", "EdgeRuntime", "EdgeService", "EventLog", "EventModel", "HTTPAPI", "ServiceKit"]),
        tests(
            "EventProducer",
            [
                "Basics", "event-producer", "CausewayProducer", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "HTTPFront",
                "OperatorCommands", "TestKit", hummingbird, hummingbirdTesting, httpTypes, logging, nioCore,
            ]
        ),
        tests(
            "WebhookDispatcher",
            [
                "Basics", "webhook-dispatcher", "AccessControl", "EventLog", "EventModel", "HTTPAPI", "NATSClient", "ServiceKit", "TestKit",
                "Webhooks", hummingbird, hummingbirdTesting, httpTypes, logging, nioCore, nioPosix,
            ]
        ),
        tests(
            "OperatorCommands",
            [
                "Basics", "Webhooks", "OperatorCommands", "EventModel", "HTTPAPI", "TestKit", argumentParser, httpTypes, nioCore,
                nioEmbedded,
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
