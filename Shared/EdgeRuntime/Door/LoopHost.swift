import Basics
import Synchronization

/// Holds a delivery loop with its door, which accepts before the log is open, and its hub, which is created with the log.
final class LoopHost: DeliveryLoopDelegate {
    private struct Residents {
        var hub: LoopHub?
        var door: LoopDoor?
    }

    /// The epoll token of a door's listening socket: never a connection's handle, which would need the last slot of the last generation but
    /// one.
    static let doorToken = UInt64.max - 1

    let loop: DeliveryLoop
    private let residents = Mutex(Residents())

    /// Starts a loop.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    init(name: String) throws(SystemCallError) {
        self.loop = try DeliveryLoop()
        self.loop.start(name: name, delegate: self)
    }

    /// The hub of the loop; nil before the log is open.
    var hub: LoopHub? {
        get { self.residents.withLock { $0.hub } }
        set { self.residents.withLock { $0.hub = newValue } }
    }

    /// The door of the loop, if any.
    var door: LoopDoor? {
        get { self.residents.withLock { $0.door } }
        set { self.residents.withLock { $0.door = newValue } }
    }

    func descriptorReady(token: UInt64, events: UInt32) {
        guard token == Self.doorToken else {
            self.hub?.descriptorReady(token: token, events: events)
            return
        }
        self.door?.assumeIsolated { $0.acceptConnections() }
    }

    func signalled() { self.hub?.signalled() }

    func ticked(now: MonotonicInstant) {
        let residents = self.residents.withLock { $0 }
        residents.door?.assumeIsolated { $0.ticked() }
        residents.hub?.ticked(now: now)
    }

    func roundEnded() -> Bool { self.hub?.roundEnded() ?? false }
}
