// swift-tools-version: 6.2
import PackageDescription

/// The language settings of the main package.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// A separate package without dependencies: the load tool builds in seconds and shares no code with the programs under test.
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
