import ServiceLifecycle

/// Wraps a service for ``ServiceRunner`` and classifies its end: requested, early or failed.
struct GuardedService: Service {
    let service: any Service
    let name: String
    let shutdown: Shutdown

    func run() async throws {
        do {
            try await service.run()
        } catch is CancellationError where Task.isShuttingDownGracefully || Task.isCancelled || shutdown.hasBegun {
            // An answer to the shutdown, not a failure.
        } catch {
            shutdown.begin()
            throw error
        }
        guard shutdown.hasBegun || Task.isShuttingDownGracefully || Task.isCancelled else {
            shutdown.begin()
            throw ServiceEndedError(service: name)
        }
        // The group treats a service that ends before its turn as failed.
        try? await gracefulShutdown()
    }
}
