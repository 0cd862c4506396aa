package import Dispatch

extension DispatchQueue {
    /// Runs a blocking call on this queue and awaits its result, without blocking the cooperative pool.
    package func run<Value: Sendable>(_ call: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            async { continuation.resume(returning: call()) }
        }
    }
}
