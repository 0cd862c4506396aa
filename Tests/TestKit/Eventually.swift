/// Polls a condition until it is true; tests never wait for a fixed time.
///
/// - Parameters:
///   - timeout: Time limit.
///   - condition: The condition, evaluated every few milliseconds.
/// - Returns: Whether it became true in time, for `#expect(await eventually { … })`.
public func eventually(
    timeout: Duration = .seconds(20),
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now.advanced(by: timeout)
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= deadline || Task.isCancelled { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
}
