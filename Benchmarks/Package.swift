// swift-tools-version: 6.2
import PackageDescription

/// The same language rules as the main package's.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// A package of its own and without dependencies, so that the load tool builds in seconds and shares no code with what it measures.
let package = Package(
    name: "causeway-benchmarks",
    products: [
        .executable(name: "causeway-load", targets: ["causeway-load"]),
        .executable(name: "bare-loop", targets: ["bare-loop"]),
    ],
    targets: [
        .target(name: "CLinux"),
        .executableTarget(name: "bare-loop"),
        .target(name: "LoadKit", dependencies: ["CLinux"], swiftSettings: swiftSettings),
        .executableTarget(name: "causeway-load", dependencies: ["LoadKit"], swiftSettings: swiftSettings),
        .testTarget(name: "LoadKitTests", dependencies: ["CLinux", "LoadKit", "bare-loop"], swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
