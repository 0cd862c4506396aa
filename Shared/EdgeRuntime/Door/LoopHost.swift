import Basics
import Synchronization

/// A delivery loop, and what lives on it: the door, which accepts before there is a log, and the hub, which comes with the log.
final class LoopHost: DeliveryLoopDelegate {
    private struct Residents {
        var hub: LoopHub?
        var door: LoopDoor?
    }

    /// What a door's listening socket is registered with: no connection's handle is the last slot of the last generation but one.
    static let doorToken = UInt64.max - 1

    let loop: DeliveryLoop
    private let residents = Mutex(Residents())

    /// Starts a loop.
    /// - Throws: ``SystemCallError`` when the process may not open more descriptors.
    init(name: String) throws(SystemCallError) {
        self.loop = try DeliveryLoop()
        self.loop.start(name: name, delegate: self)
    }

    /// The connections of the loop; nil before the log is open.
    var hub: LoopHub? {
        get { self.residents.withLock { $0.hub } }
        set { self.residents.withLock { $0.hub = newValue } }
    }

    /// Who accepts on the loop, if anything does.
    var door: LoopDoor? {
        get { self.residents.withLock { $0.door } }
        set { self.residents.withLock { $0.door = newValue } }
    }

    func descriptorReady(token: UInt64, events: UInt32) {
        guard token == Self.doorToken else {
            self.hub?.descriptorReady(token: token, events: events)
            return
        }
        self.door?.assumeIsolated { $0.connectionsCame() }
    }

    func signalled() { self.hub?.signalled() }

    func ticked(now: MonotonicInstant) {
        let residents = self.residents.withLock { $0 }
        residents.door?.assumeIsolated { $0.ticked() }
        residents.hub?.ticked(now: now)
    }

    func roundEnded() -> Bool { self.hub?.roundEnded() ?? false }
}
