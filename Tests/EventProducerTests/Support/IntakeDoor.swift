import Testing

/// The two ways into the intake: ``QuickIntake``, and the router. Both must answer alike.
enum IntakeDoor: String, CaseIterable {
    case quick, router

    /// The door that requests of ``IntakeFixture`` take. A request that the quick one leaves to the router takes that.
    @TaskLocal static var current = IntakeDoor.router
}

/// Runs each test once through each door.
struct ThroughBothDoors: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        guard testCase != nil else { return try await function() }
        for door in IntakeDoor.allCases { try await IntakeDoor.$current.withValue(door) { try await function() } }
    }
}

extension Trait where Self == ThroughBothDoors {
    static var throughBothDoors: Self { ThroughBothDoors() }
}
